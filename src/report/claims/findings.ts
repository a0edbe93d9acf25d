/** Claims judged on every model, once. */
import { PAPER_EXPERIMENTS } from "../plan/catalogue.ts";
import type { ModelOutcomes } from "../results/outcome.ts";
import type { Claim, Finding } from "./claim.ts";
import { CLAIM_GROUPS } from "./index.ts";

export interface Findings {
  /** null: what the claim needs was not measured on the model. */
  of(model: string, claim: Claim): Finding | null;
}

/** Judges every claim on every model. */
export function judged(models: readonly ModelOutcomes[]): Findings {
  const all = new Map<string, Finding | null>();
  const key = (model: string, claim: Claim) => `${claim.id} ${model}`;
  for (const of of models)
    for (const { claims } of CLAIM_GROUPS) for (const claim of claims) all.set(key(of.model.id, claim), claim.judge(of));
  return { of: (model, claim) => all.get(key(model, claim)) ?? null };
}

/** Claims of which at least one model has a finding. */
export function measuredClaims(models: readonly ModelOutcomes[], claims: readonly Claim[], findings: Findings): Claim[] {
  return claims.filter((claim) => models.some(({ model }) => findings.of(model.id, claim) !== null));
}

/** Experiments that at least one model was asked for, in the catalogue's order. */
export function experimentsRun(models: readonly ModelOutcomes[]): string[] {
  return PAPER_EXPERIMENTS.map(({ id }) => id).filter((id) => models.some(({ outcomes }) => outcomes.has(id)));
}
