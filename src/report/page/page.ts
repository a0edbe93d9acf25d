/** The report as one page of HTML without scripts. */
import type { Methods, ReportDocument } from "../document/document.ts";
import { GENERATOR } from "../text/generator.ts";
import { tied } from "../text/numbers.ts";
import { Html, html } from "./html.ts";
import { inlineHtml } from "./inline.ts";
import { sectionHtml } from "./section.ts";
import { STYLE } from "./style.ts";
import { tableHtml } from "./table.ts";

/** A whole document of HTML. */
export function pageOf({ title, lead, summary, sections, methods }: ReportDocument, models: number): string {
  const contents = [...sections, { id: "methods", title: "Methods" }];
  return tied(
    html`<!doctype html>
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
<p class="lead">${inlineHtml(lead)}</p>
<nav aria-label="Contents"><ol>
<li><a href="#summary">Claim by claim</a></li>
${contents.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>\n`)}</ol></nav>
</header>
<main>

<section id="summary">
<h2>What holds, claim by claim</h2>
<p>${inlineHtml(summary.text)}</p>
${tableHtml(summary.claims)}
${tableHtml(summary.models)}
</section>
${sections.map((section) => sectionHtml(section, models > 1))}
${methodsHtml(methods)}
</main>
<footer>
<p>Made with <code>${methods.command}</code>. Every figure and table of this page lies beside it, in <code>figures/</code> and <code>tables/</code>.</p>
</footer>
</body>
</html>
`.text,
  );
}

function methodsHtml({ paragraphs, sizes, limits, criteria, command }: Methods): Html {
  const rules = criteria.map(({ says, criterion }) => html`<dt>${says}</dt><dd>Shown: ${criterion}.</dd>\n`);
  return html`
<section id="methods">
<h2>Methods</h2>
${paragraphs.map((text) => html`<p>${inlineHtml(text)}</p>\n`)}${tableHtml(sizes)}
${limits.length > 0 && html`<h3>How far this goes</h3>\n${limits.map((limit) => html`<p>${limit}</p>\n`)}`}<h3 id="criteria">Criteria</h3>
<p>What must hold for a claim to be shown. These rules are ours.</p>
${rules.length > 0 && html`<dl>\n${rules}</dl>`}
<h3>To repeat it</h3>
<pre><code>${command}</code></pre>
</section>`;
}
