/** What the read-out's tensors say: partial sums come together here, in float64. */
import type { InferenceSession } from "onnxruntime-node";
import { entropyNats, logProbability, sumOfBlocks } from "../../metrics/softmax.ts";
import type { ReadoutOutput } from "../graph/readout/readout.ts";
import { blockedWidth } from "../graph/readout/sums.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { ReadoutChunk, ReadoutChunkResult } from "./backend.ts";

const NO_IDS = new BigInt64Array(0);

/** Of a chunk of `rows` rows, a lone one's double not counted. */
export function resultOf(
  out: InferenceSession.OnnxValueMapType,
  chunk: ReadoutChunk,
  rows: number,
  { vocabSize, dModel: d }: Pick<ModelSpec, "vocabSize" | "dModel">,
): Omit<ReadoutChunkResult, "k"> {
  const data = (name: ReadoutOutput) => (out[name]?.data as Float32Array | undefined) ?? new Float32Array(0);
  const ids = (name: ReadoutOutput) => (out[name]?.data as BigInt64Array | undefined) ?? NO_IDS;
  const { blocks, width } = blockedWidth(vocabSize);
  const sums = (name: ReadoutOutput) => {
    const parts = data(name);
    return Float64Array.from({ length: parts.length / blocks }, (_, row) => sumOfBlocks(parts, row, blocks));
  };
  const peak = data("peak");
  const rest = sums("rest");
  const energy = sums("energy");
  const logprobs = (logits: Float32Array) => {
    const count = logits.length / peak.length;
    return Float64Array.from(logits, (logit, i) => {
      const row = Math.floor(i / count);
      return logProbability(logit - (peak[row] as number), rest[row] as number);
    });
  };
  const followedLogits = data("followed_logits");
  const met = data("met");
  const mass = (index: number) => 1 + (rest[chunk.expect[index] as number] as number);
  return {
    hidden: data("hidden"),
    topIds: ids("top_ids"),
    topRows: ids("top_row"),
    topLogprobs: logprobs(data("top_logits")),
    entropyNats: Float64Array.from(rest, (value, row) => entropyNats(value, energy[row] as number)),
    peak,
    rest,
    followedLogits,
    followedLogprobs: logprobs(followedLogits),
    followedAbove: data("followed_above"),
    expectation: expectationOf(data("expectation"), chunk.expect.length, d, mass),
    expectedBias: biasOf(sums("expected_bias"), chunk.expect.length, mass),
    kept: chunk.keep
      ? {
          relative: data("relative").subarray(0, rows * width),
          weights: data("weights").subarray(0, rows * width),
          tops: ids("top_row").subarray(0, rows),
        }
      : null,
    // p's top has the weight 1 and no logit relative to itself.
    difference: sums("difference").map((sum, row) => sum - (met[row] as number)),
    divergence: (out.divergence?.data as Float64Array | undefined) ?? new Float64Array(0),
  };
}

/** W_Uᵀp [e, d], from that of large and of small weights. */
function expectationOf(parts: Float32Array, count: number, d: number, mass: (index: number) => number): Float64Array {
  const half = parts.length / 2;
  const expectation = new Float64Array(count * d);
  for (let index = 0; index < count; index++) {
    const inverse = 1 / mass(index);
    for (let i = index * d; i < (index + 1) * d; i++)
      expectation[i] = ((parts[i] as number) + (parts[half + i] as number)) * inverse;
  }
  return expectation;
}

/** b_U·p [e]; zeros where there is no bias. */
function biasOf(sums: Float64Array, count: number, mass: (index: number) => number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => (sums[index] ?? 0) / mass(index));
}
