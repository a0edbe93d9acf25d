/**
 * Kinds of neurons by what they write towards the vocabulary (Gurnee et al., arXiv 2401.12181; arXiv 2406.19384, figure
 * 6 right). Prediction and suppression: kurtosis above 10, and the neuron speaks for (skew > 0) or against (skew < 0) the
 * few tokens of the tail when it is active. Partition: variance above 0.005, whatever else it is.
 */
import { createHash } from "node:crypto";
import { meanKey } from "../runs/mean-files.ts";
import { refuse } from "../runs/tokens.ts";
import type { Lab } from "./lab.ts";
import type { Study, StudyModel } from "./study.ts";

/** Bounds of the authors. */
export const CENSUS_BOUNDS = { kurtosisAbove: 10, varianceAbove: 0.005 } as const;

export type Direction = "prediction" | "suppression" | "prediction_or_suppression";

/**
 * What tells prediction from suppression. `stored`: the weights, since an active neuron's activation is positive. A gated
 * neuron's sign is arbitrary (its up row and down column may both be negated): `measured`, the sign of its mean activation
 * on texts; without texts `unknown`, and both are counted together.
 */
export type SignSource = "stored" | "measured" | "unknown";

/** What an active neuron writes is its stored w_out times this; 0: it has no sign. `activation`: its mean, where signs are `measured`. */
export function signOf(signs: SignSource, activation: number | null): -1 | 0 | 1 {
  if (signs === "stored") return 1;
  if (signs === "unknown" || activation === null || !(activation !== 0)) return 0;
  return activation > 0 ? 1 : -1;
}

/** A number that turns with the neuron (a skew, an effect), as an active one writes; null: it has no sign, or there is none. */
export function signed(value: number, sign: -1 | 0 | 1): number | null {
  // + 0 makes −0 a 0.
  return sign === 0 || !Number.isFinite(value) ? null : value * sign + 0;
}

/** null: neither, or a gated neuron that was never active. */
export function directionOf(
  { kurtosis, skew }: { readonly kurtosis: number; readonly skew: number },
  signs: SignSource,
  activation: number | null,
  kurtosisAbove: number,
): Direction | null {
  if (!(kurtosis > kurtosisAbove)) return null;
  if (signs === "unknown") return skew === 0 ? null : "prediction_or_suppression";
  const tail = signed(skew, signOf(signs, activation)) ?? 0;
  if (tail === 0) return null;
  return tail > 0 ? "prediction" : "suppression";
}

/** The directions that a census can find, in the order of tables. */
export function directionsOf(signs: SignSource): readonly Direction[] {
  return signs === "unknown" ? ["prediction_or_suppression"] : ["prediction", "suppression"];
}

/** Tokens that activations are averaged over: kept with the experiment as JSON, and far more than a sign needs. */
const MAX_SIGN_TOKENS = 65_536;

/** Kept in a study's notes, for gated models with texts. */
interface SignNotes {
  readonly sign_texts?: { readonly key: string; readonly tokens: readonly (readonly number[])[] };
}

/** Notes of a gated model's texts, token ids with BOS; activations are averaged over positions 1 and up. Refuses too many. */
export function signNotes(model: StudyModel, texts: readonly Int32Array[]): Readonly<Record<string, unknown>> {
  const tokens = texts.map((text) => [...text]);
  const total = tokens.reduce((sum, { length }) => sum + length, 0);
  if (total > MAX_SIGN_TOKENS)
    refuse(
      "/texts",
      `${texts.length} texts of ${total} tokens in all are more than the signs of neurons are measured on, ${MAX_SIGN_TOKENS} tokens`,
    );
  const hash = createHash("sha256").update(`signs 1 ${model.revision}\n`);
  for (const text of texts) hash.update(Int32Array.of(text.length, ...text));
  const notes: SignNotes = { sign_texts: { key: hash.digest("hex").slice(0, 32), tokens } };
  return { ...notes };
}

export function signSource({ model, notes }: Study<unknown>): SignSource {
  if (!model.gated) return "stored";
  return (notes as SignNotes).sign_texts ? "measured" : "unknown";
}

/** Mean activations of a layer's neurons where signs are `measured`, else null. [d_mlp] */
export async function meanActivations(study: Study<unknown>, layer: number, lab: Lab): Promise<Float32Array | null> {
  const { sign_texts } = study.notes as SignNotes;
  if (!study.model.gated || !sign_texts) return null;
  const table = await lab.means({ ...sign_texts, dataset: null, tokensPerText: null });
  return table.get(meanKey(layer, "mlp_act")) ?? null;
}
