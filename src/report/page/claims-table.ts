/** All claims at a glance: a row each, a column a model. */

import type { Claim, Verdict } from "../claims/claim.ts";
import type { Findings } from "../claims/findings.ts";
import { CLAIM_GROUPS } from "../claims/index.ts";
import type { ModelOutcomes } from "../results/outcome.ts";
import { counted } from "../text/numbers.ts";
import { type Html, html, joined } from "./html.ts";
import { verdictLabel } from "./marks.ts";

/** Claims of which at least one model has a finding. */
function measuredClaims(models: readonly ModelOutcomes[], claims: readonly Claim[], findings: Findings): Claim[] {
  return claims.filter((claim) => models.some(({ model }) => findings.of(model.id, claim) !== null));
}

/** null: nothing was measured that a claim hangs on. */
export function claimsTable(models: readonly ModelOutcomes[], findings: Findings): Html | null {
  const groups = CLAIM_GROUPS.map((group) => ({ ...group, claims: measuredClaims(models, group.claims, findings) }));
  if (groups.every(({ claims }) => claims.length === 0)) return null;
  const cell = (model: string, claim: Claim) => {
    const finding = findings.of(model, claim);
    return finding
      ? html`<td data-model="${model}">${verdictLabel(finding.verdict)}<small>${finding.short}</small></td>`
      : html`<td data-model="${model}"><span class="verdict">not measured</span></td>`;
  };
  return html`
<div class="scroll wide"><table class="claims">
<caption><b>Claim by claim.</b> What each model bears out of what the paper says. What counts as shown is written down under <a href="#criteria">criteria</a>; it is ours, as the paper judges by eye.</caption>
<thead><tr><th scope="col">The paper says</th>${models.map(({ model }) => html`<th scope="col">${model.id}</th>`)}</tr></thead>
<tbody>
${groups
  .filter(({ claims }) => claims.length > 0)
  .map(
    ({
      id,
      title,
      claims,
    }) => html`<tr class="group"><th scope="colgroup" colspan="${models.length + 1}"><a href="#${id}">${title}</a></th></tr>
${claims.map((claim) => html`<tr><td>${claim.says}</td>${models.map(({ model }) => cell(model.id, claim))}</tr>\n`)}`,
  )}</tbody>
</table></div>`;
}

/** How many claims a model shows, in a sentence each. */
export function claimsInWords(models: readonly ModelOutcomes[], findings: Findings): Html | null {
  const all = CLAIM_GROUPS.flatMap(({ claims }) => claims);
  const sentences = models.flatMap(({ model }) => {
    const found = all.flatMap((claim) => findings.of(model.id, claim) ?? []);
    if (found.length === 0) return [];
    const count = (verdict: Verdict) => found.filter((each) => each.verdict === verdict).length;
    return [
      html`<b>${model.id}</b> bears out ${count("shown")} of ${counted(found.length, "claim")}, ${count("partly")} more in part, and ${count("not-shown")} not.`,
    ];
  });
  return sentences.length === 0 ? null : joined(sentences, " ");
}

/** What must hold for each verdict. */
export function criteriaList(models: readonly ModelOutcomes[], findings: Findings): Html | null {
  const claims = CLAIM_GROUPS.flatMap((group) => measuredClaims(models, group.claims, findings));
  if (claims.length === 0) return null;
  return html`<dl>
${claims.map(({ says, criterion }) => html`<dt>${says}</dt><dd>Shown: ${criterion}.</dd>\n`)}</dl>`;
}
