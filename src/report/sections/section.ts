/** A section of the report, before anything was measured: what the paper says, and what is to be shown of it. */
import type { Across } from "../claims/across.ts";
import type { Claim, Remark } from "../claims/claim.ts";
import type { Findings } from "../claims/findings.ts";
import type { ModelOutcomes } from "../results/outcome.ts";
import type { Inline } from "../text/inline.ts";
import type { Table } from "../text/table.ts";

export interface FigureSpec {
  /** The experiment's id in the catalogue. */
  readonly experiment: string;
  /** Without a number; the first sentence is a title. */
  readonly title: string;
  readonly caption: string;
}

export interface SectionPart {
  /** Absent: the part goes on without a heading. */
  readonly heading?: string;
  readonly intro: Inline;
  readonly claims?: readonly Claim[];
  readonly remarks?: readonly Remark[];
  /** What the paper says of models side by side. null: there is nothing to compare. */
  readonly across?: (models: readonly ModelOutcomes[]) => Across | null;
  readonly figures?: readonly FigureSpec[];
  readonly tables?: readonly ((models: readonly ModelOutcomes[], findings: Findings) => Table | null)[];
}

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly parts: readonly SectionPart[];
}
