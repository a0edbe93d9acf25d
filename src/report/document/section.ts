/** A section with what was found: text, tables, figures, and what could not be measured. */
import type { Claim, Remark } from "../claims/claim.ts";
import type { Findings } from "../claims/findings.ts";
import type { ReportFiles } from "../figures/files.ts";
import type { ModelOutcomes } from "../results/outcome.ts";
import type { FigureSpec, Section, SectionPart } from "../sections/section.ts";
import type { DocumentPart, DocumentSection, JudgedClaim, Said, ShownFigure } from "./document.ts";

export interface Context {
  readonly models: readonly ModelOutcomes[];
  readonly files: ReportFiles;
  readonly findings: Findings;
  /** The number of the next figure. */
  readonly nextFigure: () => number;
}

/** null: nothing of it was asked for. */
export function foundIn({ id, title, parts }: Section, context: Context): DocumentSection | null {
  const found = parts.flatMap((part) => partOf(part, context) ?? []);
  return found.length === 0 ? null : { id, title, parts: found };
}

function partOf(part: SectionPart, context: Context): DocumentPart | null {
  const { models, findings } = context;
  const { heading = null, intro, claims = [], remarks = [], across, figures = [], tables = [] } = part;
  const together = across?.(models) ?? null;
  const found = {
    claims: [
      ...claims.flatMap((claim) => judgedOn(claim, context) ?? []),
      ...(together ? [{ says: together.says, findings: [{ model: null, ...together }] }] : []),
    ],
    remarks: remarks.flatMap((remark) => remarked(remark, models)),
    tables: tables.flatMap((table) => table(models, findings) ?? []),
    figures: figures.flatMap((figure) => shown(figure, context) ?? []),
    missing: figures.flatMap((figure) => notMeasured(figure, models)),
  };
  return Object.values(found).every((each) => each.length === 0) ? null : { heading, intro, ...found };
}

/** Of one model alone nothing is gained by naming it. */
function nameIn(models: readonly ModelOutcomes[], id: string): string | null {
  return models.length > 1 ? id : null;
}

/** What the paper says, and what each model has to say to that. null: measured on none. */
function judgedOn(claim: Claim, { models, findings }: Context): JudgedClaim | null {
  const found = models.flatMap(({ model }) => {
    const finding = findings.of(model.id, claim);
    return finding ? [{ model: nameIn(models, model.id), verdict: finding.verdict, sentence: finding.sentence }] : [];
  });
  return found.length === 0 ? null : { says: claim.says, findings: found };
}

function remarked(remark: Remark, models: readonly ModelOutcomes[]): Said[] {
  return models.flatMap((of) => {
    const sentence = remark(of);
    return sentence === null ? [] : [{ model: nameIn(models, of.model.id), sentence }];
  });
}

/** null: it was drawn of no model. */
function shown({ experiment, title, caption }: FigureSpec, { files, nextFigure }: Context): ShownFigure | null {
  const drawn = files.figures.get(experiment);
  if (!drawn || drawn.each.length === 0) return null;
  return { number: nextFigure(), experiment, title, caption, drawn, tables: files.tables.get(experiment) ?? [] };
}

/** Why a model is missing from a figure, or stands in it otherwise than was asked for first. */
function notMeasured({ experiment, title }: FigureSpec, models: readonly ModelOutcomes[]): string[] {
  return models.flatMap(({ model, outcomes }) => {
    const outcome = outcomes.get(experiment);
    if (!outcome) return [];
    const on = models.length > 1 ? ` on ${model.id}` : "";
    if (outcome.state === "completed") {
      const [first] = outcome.refused;
      return first === undefined ? [] : [`${title}${on}: not as first asked for. The service’s reason: “${first}”`];
    }
    const how = outcome.state === "refused" ? "not measured" : "failed";
    return [`${title}: ${how}${on}. The service’s reason: “${outcome.reason}”`];
  });
}
