/** The fixtures: tiny random checkpoints, and what transformers computes on them. */
import { readFileSync } from "node:fs";
import { logSoftmax, type Reference, readReference } from "./reference.ts";

const FOLDER = "test/fixtures";
export const CHECKPOINTS = `${FOLDER}/checkpoints`;

/** One or more of every family. */
export const FIXTURES = ["gpt2", "gpt2-hub", "pythia", "neox-sequential", "phi", "llama", "qwen2"] as const;
export type FixtureName = (typeof FIXTURES)[number];

/** Ids of all fixtures' tokenizer are below this; some have rows of padding above. */
export const TOKENS = 320;

/** Of a layer: counts, and of the values per neuron the first eight and the mean of all. */
export interface CensusFigure extends Record<"prediction" | "suppression" | "partition", number> {
  kurtosis: { first: number[]; mean: number };
  skew: { first: number[]; mean: number };
  variance: { first: number[]; mean: number };
}

export interface Figures {
  layer_interventions: Record<
    string,
    Record<"kl_nats" | "top1_agreement" | "entropy_change_bits" | "loss_change_nats", { mean: number; count: number }>
  >;
  attention_locality: Record<string, Record<"per_cell" | "total" | "total_without_bos", number[][]>>;
  component_norms: { attn_out: number; mlp_out: number; resid_post: number; mean_of_ratios: number; ratio_of_means: number }[];
  logit_lens: { kl_final_nats: number; entropy_bits: number }[];
  frozen_norm_lens: { kl_final_nats: number; entropy_bits: number }[];
  /** [L + 1][L + 1], the embedding first. */
  cka: number[][];
  /** Of neighbours. */
  layer_importance: { block_influence: number[]; angular_distance: number[] };
  "neuron_census.raw": CensusFigure[];
  "neuron_census.folded": CensusFigure[];
}

export interface Fixture {
  readonly reference: Reference;
  readonly figures: Figures;
  /** Five texts of 24 tokens. */
  readonly texts: readonly (readonly number[])[];
  /** Rows of the unembed, padding included. */
  readonly vocabSize: number;
  /** Log-probabilities of the ids that exist, of a text's first positions under a tensor of logits. [length · TOKENS] */
  logprobs(tensor: string, text: number, length: number): Float64Array;
}

/** Everything expected of one fixture. */
export function readFixture(name: FixtureName): Fixture {
  const reference = readReference(`${FOLDER}/reference/${name}.safetensors`);
  const figures = JSON.parse(readFileSync(`${FOLDER}/reference/${name}.json`, "utf8")) as Figures;
  const ids = reference.ids("tokens");
  const texts = Array.from({ length: 5 }, (_, text) => ids.slice(text * 24, (text + 1) * 24));
  const V = reference.shape("logits")[2] as number;
  const logprobs = (tensor: string, text: number, length: number): Float64Array => {
    const logits = reference.values(tensor); // [texts, length, V]
    const values = new Float64Array(length * TOKENS);
    for (let position = 0; position < length; position++) {
      const row = (text * length + position) * V;
      values.set(logSoftmax(logits.subarray(row, row + V)).subarray(0, TOKENS), position * TOKENS);
    }
    return values;
  };
  return { reference, figures, texts, vocabSize: V, logprobs };
}

/** The place of the highest value of each row. [n · width] → [n] */
export function highest(rows: Float64Array, width: number): number[] {
  return Array.from({ length: rows.length / width }, (_, row) => {
    const values = rows.subarray(row * width, (row + 1) * width);
    return values.indexOf(Math.max(...values));
  });
}
