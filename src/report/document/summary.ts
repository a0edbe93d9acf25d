/** How many claims each model bears out. */
import type { Verdict } from "../claims/claim.ts";
import type { Findings } from "../claims/findings.ts";
import { CLAIM_GROUPS } from "../claims/index.ts";
import type { ModelOutcomes } from "../results/outcome.ts";
import { type Inline, prose, strong } from "../text/inline.ts";
import { counted, inWords } from "../text/numbers.ts";

/** A sentence for each model, and what they are worth; empty where nothing was measured. */
export function claimsInWords(models: readonly ModelOutcomes[], findings: Findings): Inline {
  const all = CLAIM_GROUPS.flatMap(({ claims }) => claims);
  const sentences = models.flatMap(({ model }): Inline[] => {
    const found = all.flatMap((claim) => findings.of(model.id, claim) ?? []);
    if (found.length === 0) return [];
    const count = (verdict: Verdict) => found.filter((each) => each.verdict === verdict).length;
    return [
      prose`${strong(model.id)} bears out ${count("shown")} of ${counted(found.length, "claim")}, ${count("partly")} more in part, and ${count("not-shown")} not. `,
    ];
  });
  return sentences.length === 0 ? "" : [...sentences, worthOf(models.length)];
}

function worthOf(models: number): string {
  return models === 1
    ? "One model proves nothing about others."
    : `${capital(inWords(models))} models prove nothing about others.`;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
