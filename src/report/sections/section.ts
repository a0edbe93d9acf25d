/** A section of the report: what the paper says, what was found on each model, figures and small tables. */

import type { Across } from "../claims/across.ts";
import type { Claim, Remark } from "../claims/claim.ts";
import type { Findings } from "../claims/findings.ts";
import type { Html, Piece } from "../page/html.ts";
import type { ModelOutcomes } from "../results/outcome.ts";

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
  readonly intro: Piece;
  readonly claims?: readonly Claim[];
  readonly remarks?: readonly Remark[];
  /** What the paper says of models side by side. null: there is nothing to compare. */
  readonly across?: (models: readonly ModelOutcomes[]) => Across | null;
  readonly figures?: readonly FigureSpec[];
  readonly tables?: readonly ((models: readonly ModelOutcomes[]) => Html | null)[];
  /** A table that needs the verdicts too. */
  readonly extra?: (of: { readonly models: readonly ModelOutcomes[]; readonly findings: Findings }) => Html | null;
}

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly parts: readonly SectionPart[];
}
