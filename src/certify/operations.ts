/** Operations as users write them, compiled for a prompt: what a request of the service would run. */
import type { VectorSpec } from "../engine/protocol.ts";
import type { Schedule } from "../engine/schedule.ts";
import { compileVariants } from "../interventions/compile.ts";
import type { Words } from "../interventions/resources.ts";
import { Problem } from "../problem.ts";
import type { Operation } from "../schemas/operations.ts";
import type { LabJob } from "./lab.ts";

interface Shape {
  readonly nLayers: number;
  readonly nHeads: number;
  readonly dModel: number;
  readonly dMlp: number;
}

/** Tokens are named by their ids; there are no texts here. */
const WORDS: Words = {
  token: (name) => Number(name),
  source: ({ tokens }) => tokens ?? [],
  mean: () => {
    throw new Problem("internal", "There are no texts to take a mean over.");
  },
};

/** The schedules of variants, the baseline first, with what their edits add. Throws `invalid_intervention`. */
export function variantsJob(
  { nLayers, nHeads, dModel, dMlp }: Shape,
  tokens: readonly number[],
  variants: Readonly<Record<string, readonly Operation[]>>,
): LabJob & { readonly schedules: readonly Schedule[]; readonly baseline: number } {
  const model = { id: "the model", nLayers, nHeads, dModel, dMlp };
  const request = { variants: variants as Record<string, Operation[]>, baseline: true };
  const { schedules, resources } = compileVariants(request, model, tokens.length, WORDS);
  const vectors = resources.vectors.map((vector): VectorSpec => {
    if (vector.kind === "mean") throw new Problem("internal", "There are no means here.");
    return vector;
  });
  return { tokens, schedules, baseline: 0, vectors, sources: resources.sources.map((source) => ({ tokens: source.tokens })) };
}

/** One list of operations, without the baseline beside it. */
export function variantJob(shape: Shape, tokens: readonly number[], operations: readonly Operation[]): LabJob {
  const { schedules, vectors, sources } = variantsJob(shape, tokens, { intervened: operations });
  return { tokens, schedules: schedules.slice(1), vectors, sources };
}
