/** How the report looks: one column of text at reading width, figures and tables as wide as they need, dark on white. */
export const STYLE = `
:root {
  --serif: Charter, "Bitstream Charter", "Sitka Text", Cambria, "Noto Serif", Georgia, "DejaVu Serif", serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Liberation Sans", sans-serif;
  --ink: #1b1b1b; --soft: #595959; --line: #d9d9d9; --faint: #f5f5f3; --link: #0b5691;
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: #fff; color: var(--ink); font: 1.0625rem/1.6 var(--serif); hyphens: manual; }
main, body > header, body > footer {
  display: grid; grid-template-columns: minmax(1.125rem, 1fr) minmax(0, 40rem) minmax(1.125rem, 1fr);
}
main > *, body > header > *, body > footer > * { grid-column: 2; }
section { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; }
section > * { grid-column: 2; }
body > header { padding: 4.5rem 0 1rem; }
h1, h2, h3, nav, table, figcaption, .kicker, .aside, .marks, footer { font-family: var(--sans); }
h1 { font-size: 2.1rem; line-height: 1.18; letter-spacing: -0.015em; font-weight: 650; margin: 0.35rem 0 1.1rem; text-wrap: balance; }
h2 { font-size: 1.4rem; line-height: 1.25; letter-spacing: -0.01em; font-weight: 650; margin: 3.75rem 0 0.8rem; padding-top: 1.1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; line-height: 1.3; font-weight: 650; margin: 2.4rem 0 0.5rem; }
p { margin: 0 0 1rem; text-wrap: pretty; }
.lead { font-size: 1.16rem; line-height: 1.55; }
.kicker { font-size: 0.8rem; letter-spacing: 0.04em; color: var(--soft); margin: 0; }
.aside { font-size: 0.86rem; line-height: 1.5; color: var(--soft); }
.says { font-family: var(--sans); font-weight: 650; font-size: 0.95rem; line-height: 1.4; margin: 1.7rem 0 0.4rem; break-after: avoid; }
.finding { margin-bottom: 0.6rem; }
.finding.judged { padding-left: 1.5rem; position: relative; }
.finding.judged > svg { position: absolute; left: 0.1rem; top: 0.5em; width: 0.72em; height: 0.72em; }
.judged + .finding:not(.judged) { margin-top: 1.5rem; }
.finding b { font-family: var(--sans); font-size: 0.92em; font-weight: 650; }
.mark { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 0.15em; }
nav { font-size: 0.9rem; line-height: 1.45; margin: 1.4rem 0 0.5rem; }
nav ol { list-style: none; margin: 0; padding: 0; columns: 2; column-gap: 2rem; }
nav li { margin: 0 0 0.35rem; break-inside: avoid; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
figure { margin: 1.9rem 0 2.2rem; }
figure.plate { grid-column: 1 / -1; justify-self: center; width: min(100% - 2.25rem, 68rem); display: grid; justify-items: center; gap: 1.1rem; }
figure img { display: block; max-width: 100%; height: auto; }
.plate > a, .each > a { display: block; }
.each { display: grid; gap: 1.1rem; justify-items: center; }
.several { grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); width: 100%; align-items: start; }
figcaption { font-size: 0.86rem; line-height: 1.5; color: var(--soft); max-width: 40rem; width: 100%; }
figcaption b { color: var(--ink); font-weight: 650; }
.wide { grid-column: 1 / -1; justify-self: center; width: min(100% - 2.25rem, 68rem); }
.scroll { overflow-x: auto; }
.scroll.wide { display: grid; justify-content: safe center; }
table { border-collapse: collapse; font-size: 0.86rem; line-height: 1.4; font-variant-numeric: tabular-nums lining-nums; margin: 1.1rem 0 1.6rem; min-width: min(100%, 30rem); }
caption { text-align: left; color: var(--soft); padding: 0 0 0.6rem; max-width: 40rem; }
caption b { color: var(--ink); font-weight: 650; }
th, td { text-align: left; vertical-align: top; padding: 0.34rem 1.3rem 0.34rem 0; }
th:last-child, td:last-child { padding-right: 0; }
tbody th { white-space: nowrap; }
.claims tbody th { white-space: normal; }
thead th { font-weight: 600; border-bottom: 1.5px solid var(--ink); vertical-align: bottom; }
tbody th { font-weight: 400; }
tbody tr + tr > * { border-top: 1px solid #ececec; }
tbody:last-of-type tr:last-child > * { border-bottom: 1.5px solid var(--ink); }
tr.group th { font-weight: 650; padding-top: 1.1rem; border-top: 0; }
td.number, th.number { text-align: right; white-space: nowrap; }
td code { white-space: nowrap; }
.scroll.wide table { min-width: min(100vw - 2.25rem, 40rem); }
.claims td:first-child { min-width: 17rem; max-width: 25rem; }
.claims td + td { min-width: 10.5rem; }
.claims td small { display: block; color: var(--soft); font-size: 0.93em; line-height: 1.35; }
.verdict { white-space: nowrap; }
.verdict svg { width: 0.78em; height: 0.78em; margin-right: 0.42em; vertical-align: -0.03em; }
code { font: 0.86em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
pre { background: var(--faint); padding: 0.8rem 1rem; overflow-x: auto; font-size: 0.9rem; }
pre code { overflow-wrap: normal; }
dl { margin: 0 0 1rem; } dt { font-family: var(--sans); font-weight: 650; font-size: 0.92rem; margin-top: 0.9rem; } dd { margin: 0.1rem 0 0; }
footer { padding: 3rem 0 4rem; font-size: 0.82rem; color: var(--soft); }
@media (max-width: 34rem) {
  body { font-size: 1rem; }
  body > header { padding-top: 2.25rem; }
  h1 { font-size: 1.65rem; }
  nav ol { columns: 1; }
  .claims, .claims caption, .claims tbody, .claims tr, .claims tbody th, .claims td { display: block; min-width: 0; padding-right: 0; }
  .claims { width: 100%; } .claims thead { display: none; }
  .claims .group th { border-bottom: 1.5px solid var(--ink); }
  .claims tbody:last-of-type tr:last-child td { border: 0; }
  .claims tbody tr td { border: 0; padding: 0.2rem 0; max-width: none; }
  .claims tbody tr:not(.group) { padding: 0.55rem 0; border-top: 1px solid #ececec; }
  .claims tbody tr.group { border: 0; } .claims tbody tr.group + tr { border-top: 0; }
  .claims td[data-model]::before { content: attr(data-model) ": "; font-weight: 650; }
  .claims td small { display: inline; margin-left: 0.5em; }
  .claims td:first-child small { display: block; margin: 0; }
}
@media (min-width: 92rem) {
  nav { position: fixed; top: 4.6rem; left: max(1.5rem, calc(50vw - 46rem)); width: 11rem; margin: 0; font-size: 0.82rem; }
  nav ol { columns: 1; }
  figure.plate, .wide { width: min(100% - 2.25rem, 62rem); }
}
@media print {
  @page { margin: 18mm 16mm; }
  body { font-size: 10.5pt; line-height: 1.45; }
  main, body > header, body > footer { display: block; }
  section { display: block; }
  nav { display: none; }
  body > header { padding-top: 0; }
  h2 { margin-top: 2rem; } h2, h3, caption { break-after: avoid; }
  figure, table, tr { break-inside: avoid; }
  figure.plate, .several { display: block; width: 100%; }
  .several > *, figure.plate > * { margin-bottom: 0.8rem; }
  figure.plate { break-inside: auto; } .several > * { break-inside: avoid; }
  .scroll { overflow: visible; }
  a { color: inherit; text-decoration: none; }
}
`;
