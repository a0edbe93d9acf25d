/**
 * What kinds share that compile operations: texts of means are found when an experiment is planned and kept with it, as
 * token ids, so that computing needs no data set.
 */
import type { VectorSpec } from "../../engine/protocol.ts";
import { type CompiledVariants, compileVariants } from "../../interventions/compile.ts";
import type { Resources, Vector } from "../../interventions/resources.ts";
import { Problem } from "../../problem.ts";
import { meanKey } from "../../runs/mean-files.ts";
import { type MeanTexts, meanTexts } from "../../runs/mean-texts.ts";
import type { ServedModel } from "../../runs/served-models.ts";
import { wordsOf } from "../../runs/words.ts";
import type { Mean } from "../../schemas/mean.ts";
import type { Variants } from "../../schemas/run-request.ts";
import { longestOf } from "../chunks.ts";
import type { Ask } from "../kind.ts";
import type { Lab } from "../lab.ts";
import type { Study } from "../study.ts";

/** Kept in the study's notes. */
export interface MeanNotes {
  readonly means: readonly { readonly mean: string; readonly texts: MeanTexts }[];
}

/**
 * The texts of all means that operations name. Refuses what cannot be applied to every one of the texts, by its number where
 * they differ in length; `place` says where in the request a pointer into `{ variants }` lies.
 */
export async function checkOperations(
  variants: Variants,
  { model, datasets, prependBos }: Pick<Ask<unknown>, "model" | "datasets" | "prependBos">,
  texts: readonly Int32Array[],
  place: (pointer: string) => string,
): Promise<MeanNotes> {
  const extremes = extremesOf(texts);
  let which = "";
  try {
    const found = await meanTexts({ variants, prepend_bos: prependBos }, model, datasets);
    const bySpelling = new Map([...found].map(([mean, texts]) => [spelling(mean), texts]));
    const means = [...bySpelling].map(([mean, texts]) => ({ mean, texts }));
    for (const text of extremes) {
      if (extremes.length > 1) which = `text ${text}: `;
      compile(variants, model, texts[text]?.length ?? 0, prependBos, { means });
    }
    return { means };
  } catch (error) {
    if (!(error instanceof Problem) || !error.errors) throw error;
    const errors = error.errors.map(({ pointer, detail }) => ({ pointer: place(pointer), detail: `${which}${detail}` }));
    throw new Problem(error.code, `${which}${error.message}`, errors);
  }
}

/**
 * Numbers of the first of the shortest texts and of the longest, one where all are alike: a position that the shortest has
 * every text has, and what of the longest lies within a patch's source does of every text.
 */
function extremesOf(texts: readonly Int32Array[]): number[] {
  const lengths = texts.map(({ length }) => length);
  const longest = longestOf(texts).length;
  const shortest = lengths.reduce((least, length) => Math.min(least, length), longest);
  return [...new Set([lengths.indexOf(shortest), lengths.indexOf(longest)])];
}

/** By study, and in it by the texts' length. */
const compiled = new WeakMap<object, Map<number, CompiledVariants>>();
/** Lengths of texts for which what was compiled is kept. */
const KEPT_LENGTHS = 64;

/** The baseline and then the variants, for texts of `tokenCount` tokens: compiled once for each length. */
export function compileFor(
  study: Study<unknown>,
  variants: () => Variants,
  model: ServedModel,
  tokenCount: number,
): CompiledVariants {
  const byLength = compiled.get(study) ?? new Map<number, CompiledVariants>();
  compiled.set(study, byLength);
  const known = byLength.get(tokenCount);
  if (known) return known;
  const made = compile(variants(), model, tokenCount, study.prependBos, study.notes as unknown as MeanNotes);
  if (byLength.size === KEPT_LENGTHS) byLength.clear();
  byLength.set(tokenCount, made);
  return made;
}

/** What edits add; means are empty. */
export function emptyVectors({ vectors }: Resources): VectorSpec[] {
  return vectors.map((vector) => specOf(vector, new Float32Array(0)));
}

/** What edits add, means included: found, or computed first. */
export function filledVectors({ vectors }: Resources, lab: Lab): Promise<VectorSpec[]> {
  return lab.all(vectors, async (vector) => {
    if (vector.kind !== "mean") return specOf(vector);
    const values = (await lab.means(vector.data as MeanTexts)).get(meanKey(vector.block, vector.site));
    if (!values) throw new Error(`no mean of ${vector.site} of block ${vector.block}`);
    return specOf(vector, values);
  });
}

function specOf(vector: Vector, mean: Float32Array = new Float32Array(0)): VectorSpec {
  if (vector.kind === "direction") return { kind: "direction", toward: vector.toward, away: vector.away };
  return { kind: "values", key: vector.key, values: vector.kind === "values" ? vector.values : mean };
}

function compile(
  variants: Variants,
  model: ServedModel,
  tokenCount: number,
  prependBos: boolean,
  { means }: MeanNotes,
): CompiledVariants {
  const texts = new Map(means.map((each) => [each.mean, each.texts]));
  const words = {
    ...wordsOf(model, prependBos, new Map()),
    mean: (mean: Mean) => texts.get(spelling(mean)) as MeanTexts,
  };
  return compileVariants({ variants, baseline: true }, model, tokenCount, words);
}

const spellings = new WeakMap<Mean, string>();

/** The same for equal means, in whatever order their fields come back from the store. */
function spelling(mean: Mean): string {
  const { dataset, texts, tokens_per_text } = mean;
  const known = spellings.get(mean) ?? JSON.stringify([dataset ?? null, texts ?? null, tokens_per_text ?? null]);
  spellings.set(mean, known);
  return known;
}
