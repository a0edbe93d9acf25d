/** The report itself, as one page of HTML without scripts. */

import { experimentsRun, type Findings, judged } from "../claims/findings.ts";
import type { ReportFiles } from "../folder/files.ts";
import type { ModelOutcomes } from "../results/outcome.ts";
import { APPENDIX } from "../sections/appendix.ts";
import { ROBUSTNESS } from "../sections/robustness.ts";
import type { Section } from "../sections/section.ts";
import { STAGE_SECTIONS } from "../sections/stages.ts";
import { STAGES_SECTION } from "../sections/table-one.ts";
import { listed } from "../text/numbers.ts";
import { claimsInWords, claimsTable, criteriaList } from "./claims-table.ts";
import { Html, html, joined } from "./html.ts";
import { dataNotes, modelsTable, sizesTable } from "./methods.ts";
import { type Context, sectionHtml } from "./section-html.ts";
import { STYLE } from "./style.ts";

const SECTIONS: readonly Section[] = [ROBUSTNESS, ...STAGE_SECTIONS, STAGES_SECTION, APPENDIX];
/** Says that a page is a report of this command. */
export const GENERATOR = "stratascope paper";

export interface ReportAbout {
  /** What makes it again. */
  readonly command: string;
}

/** A whole document. */
export function pageOf(models: readonly ModelOutcomes[], files: ReportFiles, about: ReportAbout): string {
  const names = models.map(({ model }) => model.id);
  const findings = judged(models);
  const context: Context = { models, files, findings, figures: 0 };
  const sections = SECTIONS.flatMap((section) => {
    const body = sectionHtml(section, context);
    return body ? [{ ...section, body }] : [];
  });
  const title = `Stages of inference in ${listed(names)}`;
  const contents = [...sections.map(({ id, title }) => ({ id, title })), { id: "methods", title: "Methods" }];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="${GENERATOR}">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<header>
<p class="kicker">A report of Stratascope</p>
<h1>${title}</h1>
<p class="lead">The experiments of <em>The Remarkable Robustness of LLMs: Stages of Inference?</em> (Lad et al., <a href="https://arxiv.org/abs/2406.19384">arXiv 2406.19384</a>),
run on ${models.length === 1 ? "one model" : `${models.length} models`}: ${describedModels(models)}.</p>
<nav aria-label="Contents"><ol>
<li><a href="#summary">Claim by claim</a></li>
${contents.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>\n`)}</ol></nav>
</header>
<main>
${summary(models, findings)}
${sections.map(({ body }) => body)}
${methods(models, findings, about)}
</main>
<footer>
<p>Made with <code>${about.command}</code>. Every figure and table of this page lies beside it, in <code>figures/</code> and <code>tables/</code>.</p>
</footer>
</body>
</html>
`.text.replace(/(\d) %/g, "$1\u202f%"); // a number and its sign stay together
}

function describedModels(models: readonly ModelOutcomes[]): Html {
  return joined(
    models.map(({ model }) => html`<b>${model.id}</b> (${model.family}, ${model.nLayers} layers of width ${model.dModel})`),
    models.length === 2 ? " and " : ", ",
  );
}

function summary(models: readonly ModelOutcomes[], findings: Findings): Html {
  const words = claimsInWords(models, findings);
  return html`
<section id="summary">
<h2>What holds, claim by claim</h2>
<p>The paper takes layers away and swaps them, measures what each layer does, and reads four stages out of it. Here the same is done to ${models.length === 1 ? "this model" : "these models"},
and each of its claims is held against the numbers. ${words}</p>
${claimsTable(models, findings)}
${modelsTable(models)}
</section>`;
}

function methods(models: readonly ModelOutcomes[], findings: Findings, { command }: ReportAbout): Html {
  const experiments = experimentsRun(models);
  return html`
<section id="methods">
<h2>Methods</h2>
<p>p are the untouched model’s probabilities of the next token, q those of a changed one. KL(p‖q) = Σ p (ln p − ln q), in nats, per position; entropy in bits; agreement compares
the ids of the top tokens; loss is −ln of the probability of the token that follows. Means are over positions, with standard errors clustered by text: tokens of one text are not
independent. Intervals are ± 1.96 standard errors. A swap is named by the first of the two layers. Relative depth is layer / (L − 1).</p>
${dataNotes(models, experiments)}
<p>How many texts an experiment takes is chosen by an estimate of its cost, from the model’s sizes alone: what costs more gets fewer texts.</p>
${sizesTable(models, experiments)}
<h3 id="criteria">Criteria</h3>
<p>What must hold for a claim to be shown. These rules are ours.</p>
${criteriaList(models, findings)}
<h3>To repeat it</h3>
<pre><code>${command}</code></pre>
</section>`;
}
