/** The whole report as text, tables and pictures, before it is a page of HTML or of Markdown. */
import type { Verdict } from "../claims/claim.ts";
import type { DrawnFigure, TableFile } from "../figures/files.ts";
import type { Inline } from "../text/inline.ts";
import type { Table } from "../text/table.ts";

export interface ReportDocument {
  readonly title: string;
  readonly lead: Inline;
  readonly summary: {
    readonly text: Inline;
    /** null: nothing was measured that a claim hangs on. */
    readonly claims: Table | null;
    readonly models: Table | null;
  };
  readonly sections: readonly DocumentSection[];
  readonly methods: Methods;
}

export interface DocumentSection {
  readonly id: string;
  readonly title: string;
  readonly parts: readonly DocumentPart[];
}

export interface DocumentPart {
  /** null: the part goes on without a heading. */
  readonly heading: string | null;
  readonly intro: Inline;
  readonly claims: readonly JudgedClaim[];
  readonly remarks: readonly Said[];
  readonly tables: readonly Table[];
  readonly figures: readonly ShownFigure[];
  /** What is missing from figures, and why. */
  readonly missing: readonly string[];
}

/** A sentence about a model. null: there is only one, or it is about all of them. */
export interface Said {
  readonly model: string | null;
  readonly sentence: string;
}

export interface JudgedClaim {
  readonly says: string;
  readonly findings: readonly (Said & { readonly verdict: Verdict })[];
}

export interface ShownFigure {
  /** From 1 on, through the whole report. */
  readonly number: number;
  readonly experiment: string;
  readonly title: string;
  readonly caption: string;
  readonly drawn: DrawnFigure;
  readonly tables: readonly TableFile[];
}

export interface Methods {
  /** Conventions, texts, seeds, versions. */
  readonly paragraphs: readonly Inline[];
  readonly sizes: Table | null;
  /** What the numbers cannot tell, model by model. */
  readonly limits: readonly string[];
  readonly criteria: readonly { readonly says: string; readonly criterion: string }[];
  /** What makes the report again. */
  readonly command: string;
}

/** A figure's place in the report. */
export function figurePlace(experiment: string): string {
  return `figure-${experiment}`;
}
