/** A section with what was found: text, figures, tables, and what could not be measured. */

import type { Claim, Remark, Verdict } from "../claims/claim.ts";
import type { Findings } from "../claims/findings.ts";
import type { DrawnFigure, Picture, ReportFiles } from "../folder/files.ts";
import type { ModelOutcomes } from "../results/outcome.ts";
import type { FigureSpec, Section, SectionPart } from "../sections/section.ts";
import { type Html, html, joined } from "./html.ts";
import { verdictMark, verdictWord } from "./marks.ts";

export interface Context {
  readonly models: readonly ModelOutcomes[];
  readonly files: ReportFiles;
  readonly findings: Findings;
  /** Numbered so far. */
  figures: number;
}

/** null: nothing of it was asked for. */
export function sectionHtml({ id, title, parts }: Section, context: Context): Html | null {
  const bodies = parts.flatMap((part) => partHtml(part, context) ?? []);
  if (bodies.length === 0) return null;
  return html`
<section id="${id}">
<h2>${title}</h2>
${bodies}
</section>`;
}

function partHtml(part: SectionPart, context: Context): Html | null {
  const { heading, intro, claims = [], remarks = [], across, figures = [], tables = [], extra } = part;
  const { models } = context;
  const found = [
    ...claims.flatMap((claim) => claimHtml(claim, context) ?? []),
    ...remarks.flatMap((each) => remarkHtml(each, context)),
  ];
  const together = across?.(models) ?? null;
  const drawn = figures.flatMap((figure) => figureHtml(figure, context) ?? []);
  const missing = figures.flatMap((figure) => notMeasured(figure, models));
  const made = [extra?.(context) ?? null, ...tables.map((table) => table(models))].filter((table) => table !== null);
  if (found.length + drawn.length + missing.length + made.length === 0 && together === null) return null;
  return html`${heading !== undefined && html`<h3>${heading}</h3>\n`}<p>${intro}</p>
${found}${together && html`<p class="says">${together.says}</p>\n${judgedHtml(together.verdict, null, together.sentence)}`}${made}${drawn}${missing}`;
}

/** What the paper says, and what each model has to say to that. null: measured on none. */
function claimHtml(claim: Claim, { models, findings }: Context): Html | null {
  const found = models.flatMap(({ model }) => {
    const finding = findings.of(model.id, claim);
    if (!finding) return [];
    return [judgedHtml(finding.verdict, nameOf(model.id, models), finding.sentence)];
  });
  return found.length === 0 ? null : html`<p class="says">${claim.says}</p>\n${found}`;
}

function judgedHtml(verdict: Verdict, name: Html | null, sentence: string): Html {
  return html`<p class="finding judged">${verdictMark(verdict)}<span class="mark">${verdictWord(verdict)}: </span>${name}${sentence}</p>\n`;
}

function remarkHtml(remark: Remark, { models }: Pick<Context, "models">): Html[] {
  return models.flatMap((of) => {
    const said = remark(of);
    return said === null ? [] : [html`<p class="finding">${nameOf(of.model.id, models)}${said}</p>\n`];
  });
}

/** Of one model alone nothing is gained by naming it. */
function nameOf(id: string, models: readonly ModelOutcomes[]): Html | null {
  return models.length > 1 ? html`<b>${id}.</b> ` : null;
}

/** null: it was drawn of no model. */
function figureHtml({ experiment, title, caption }: FigureSpec, context: Context): Html | null {
  const drawn = context.files.figures.get(experiment);
  if (!drawn || drawn.each.length === 0) return null;
  const number = ++context.figures;
  const tables = context.files.tables.get(experiment) ?? [];
  const several = context.models.length > 1;
  return html`
<figure class="plate" id="figure-${experiment}">
${drawn.together && picture(drawn.together, `${title}, all models`)}
<div class="each${drawn.each.length > 1 && " several"}">${drawn.each.map(({ model, picture: each }) => picture(each, `${title}, ${model}`))}</div>
<figcaption><b>Figure ${number}. ${title}.</b> ${caption} ${reading(drawn, several)}Numbers: ${joined(
    tables.map(({ model, path }) => html`<a href="${encodeURI(path)}">${several ? model : "CSV"}</a>`),
    ", ",
  )}.</figcaption>
</figure>
`;
}

function reading({ together, each }: DrawnFigure, several: boolean): string {
  if (!several) return "";
  if (together) return "Above: all models on one axis; below: each by itself. ";
  return each.length > 1 ? "" : `Of ${each[0]?.model} alone. `;
}

function picture({ path, width, height }: Picture, alternative: string): Html {
  const at = encodeURI(path);
  return html`<a href="${at}"><img src="${at}" width="${width}" height="${height}" alt="${alternative}"></a>`;
}

/** Why a model is missing from a figure. */
function notMeasured({ experiment, title }: FigureSpec, models: readonly ModelOutcomes[]): Html[] {
  return models.flatMap(({ model, outcomes }) => {
    const outcome = outcomes.get(experiment);
    if (!outcome) return [];
    const on = models.length > 1 ? ` on ${model.id}` : "";
    if (outcome.state === "completed") {
      return outcome.refused.length === 0
        ? []
        : [html`<p class="aside">${title}${on}: not as first asked for. The service’s reason: “${outcome.refused[0]}”</p>\n`];
    }
    const how = outcome.state === "refused" ? "not measured" : "failed";
    return [html`<p class="aside">${title}: ${how}${on}. The service’s reason: “${outcome.reason}”</p>\n`];
  });
}
