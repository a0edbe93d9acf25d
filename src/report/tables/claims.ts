/** All claims at a glance: a row each, a column a model. */
import type { Claim } from "../claims/claim.ts";
import { type Findings, measuredClaims } from "../claims/findings.ts";
import { CLAIM_GROUPS } from "../claims/index.ts";
import type { ModelOutcomes } from "../results/outcome.ts";
import { type Inline, lines, place, prose, verdict } from "../text/inline.ts";
import { filled, type Table } from "../text/table.ts";

/** null: nothing was measured that a claim hangs on. */
export function claimsTable(models: readonly ModelOutcomes[], findings: Findings): Table | null {
  const cell = (model: string, claim: Claim): Inline => {
    const finding = findings.of(model, claim);
    return finding ? lines(verdict(finding.verdict), finding.short) : "not measured";
  };
  return filled({
    title: "Claim by claim.",
    caption: prose`What each model bears out of what the paper says. What counts as shown is written down under ${place("criteria", "criteria")}; it is ours, as the paper judges by eye.`,
    columns: [{ name: "The paper says" }, ...models.map(({ model }) => ({ name: model.id, model: model.id }))],
    groups: CLAIM_GROUPS.map(({ id, title, claims }) => ({
      title: place(id, title),
      rows: measuredClaims(models, claims, findings).map((claim) => [
        claim.says,
        ...models.map(({ model }) => cell(model.id, claim)),
      ]),
    })),
    wide: true,
    ofClaims: true,
  });
}
