/** A section as HTML. */
import {
  type DocumentPart,
  type DocumentSection,
  figurePlace,
  type JudgedClaim,
  type ShownFigure,
} from "../document/document.ts";
import type { DrawnFigure, Picture } from "../figures/files.ts";
import { verdictWord } from "../text/inline.ts";
import { type Html, html, joined } from "./html.ts";
import { inlineHtml, verdictMark } from "./inline.ts";
import { tableHtml } from "./table.ts";

/** `several`: the report has more than one model. */
export function sectionHtml({ id, title, parts }: DocumentSection, several: boolean): Html {
  return html`
<section id="${id}">
<h2>${title}</h2>
${parts.map((part) => partHtml(part, several))}
</section>`;
}

function partHtml({ heading, intro, claims, remarks, tables, figures, missing }: DocumentPart, several: boolean): Html {
  return html`${heading !== null && html`<h3>${heading}</h3>\n`}<p>${inlineHtml(intro)}</p>
${claims.map(claimHtml)}${remarks.map(({ model, sentence }) => html`<p class="finding">${nameHtml(model)}${sentence}</p>\n`)}${tables.map(tableHtml)}${figures.map((figure) => figureHtml(figure, several))}${missing.map((each) => html`<p class="aside">${each}</p>\n`)}`;
}

function claimHtml({ says, findings }: JudgedClaim): Html {
  return html`<p class="says">${says}</p>
${findings.map((each) => html`<p class="finding judged">${verdictMark(each.verdict)}<span class="mark">${verdictWord(each.verdict)}: </span>${nameHtml(each.model)}${each.sentence}</p>\n`)}`;
}

function nameHtml(model: string | null): Html | null {
  return model === null ? null : html`<b>${model}.</b> `;
}

function figureHtml({ number, experiment, title, caption, drawn, tables }: ShownFigure, several: boolean): Html {
  const numbers = tables.map(({ model, path }) => html`<a href="${encodeURI(path)}">${several ? model : "CSV"}</a>`);
  return html`
<figure class="plate" id="${figurePlace(experiment)}">
${drawn.together && picture(drawn.together, `${title}, all models`)}
<div class="each${drawn.each.length > 1 && " several"}">${drawn.each.map(({ model, picture: each }) => picture(each, `${title}, ${model}`))}</div>
<figcaption><b>Figure ${number}. ${title}.</b> ${caption} ${several && reading(drawn)}Numbers: ${joined(numbers, ", ")}.</figcaption>
</figure>
`;
}

function reading({ together, each }: DrawnFigure): string {
  if (together) return "Above: all models on one axis; below: each by itself. ";
  return each.length > 1 ? "" : `Of ${each[0]?.model} alone. `;
}

function picture({ path, width, height }: Picture, alternative: string): Html {
  const at = encodeURI(path);
  return html`<a href="${at}"><img src="${at}" width="${width}" height="${height}" alt="${alternative}"></a>`;
}
