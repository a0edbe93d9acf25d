/** Half-type weights kept as stored and cast in the call: the same numbers as float32 copies of them, since a cast is exact. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openCheckpoint } from "../../src/engine/checkpoint/open.ts";
import { openTensorFiles } from "../../src/engine/checkpoint/rows.ts";
import { readSafetensors, type StoredTensor } from "../../src/engine/checkpoint/safetensors.ts";
import { type RandomGpt2, safetensors, type TensorData, writeRandom } from "../support/checkpoint.ts";
import { type JobSpec, layers, loadForTest, logprobsById, range, result, runJob, scheduleOf } from "../support/engine.ts";
import { relativeError } from "../support/reference.ts";

/** Float32 sums in another order: packed kernels, and products cut into chunks. */
const TOLERANCE = 2e-6;

const scratch = mkdtempSync(join(tmpdir(), "stratascope-half-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** One run on the same checkpoint, held both ways. */
async function both(folder: string, spec: JobSpec) {
  const kept = await loadForTest(folder, "mapped", "kept");
  const folded = await loadForTest(folder, "packed", "folded");
  try {
    return {
      kept: await runJob(kept, spec),
      folded: await runJob(folded, spec),
      vocab: kept.spec.vocabSize,
      L: kept.spec.nLayers,
    };
  } finally {
    await kept.close();
    await folded.close();
  }
}

test.each(["gpt2-hub", "pythia", "phi", "llama", "qwen2"])("%s: logits and norms of every layer", async (name) => {
  const tokens = [0, 17, 250, 3, 3, 99, 101, 42];
  const { kept, folded, vocab } = await both(`test/fixtures/checkpoints/${name}`, { tokens, capture: ["norms"] });
  const other = layers(folded);
  for (const [step, layer] of layers(kept).entries()) {
    const logprobs = (of: typeof layer | undefined) => logprobsById(of?.readout as never, vocab);
    expect(relativeError(logprobs(layer), logprobs(other[step])), `step ${step}`).toBeLessThan(TOLERANCE);
    const norms = (of: typeof layer | undefined) => of?.norms?.residPost as Float32Array;
    if (step > 0) expect(relativeError(norms(layer), norms(other[step])), `norms ${step}`).toBeLessThan(TOLERANCE);
  }
});

describe("matrices of more than one chunk", () => {
  // 5120 × 512 as float32 is 10 MB, a vocabulary of 10240 × 512 is 20 MB; a chunk has 8.
  const wide: RandomGpt2 = { nLayers: 2, dModel: 512, nHeads: 4, dMlp: 5120, vocabSize: 10_240, init: "calm" };

  test.each([
    { family: "llama", type: "BF16", config: { attention_bias: true, mlp_bias: true } },
    { family: "gpt2", type: "F16", config: {} },
  ] as const)("$family, $type: logits, divergences from the last layer and from a baseline", async ({ family, type, config }) => {
    const folder = join(scratch, family);
    writeRandom(folder, family, { ...wide, type, config });
    const { kept, folded, vocab, L } = await both(folder, {
      tokens: [5, 300, 7, 11, 12],
      schedules: [scheduleOf("baseline", range(2)), scheduleOf("first", [0])],
      baseline: 0,
    });
    const of = (events: typeof kept) => ({
      logprobs: logprobsById(result(events).variants[0]?.final as never, vocab),
      layers: result(events).variants[0]?.layers.flatMap(({ klFinalNats }) => [...klFinalNats]) as number[],
      baseline: result(events).comparisons[0]?.klNats as Float64Array,
    });
    const [a, b] = [of(kept), of(folded)];
    expect(a.layers).toHaveLength(5 * (L + 1));
    expect(relativeError(a.logprobs, b.logprobs)).toBeLessThan(TOLERANCE);
    // Differences of near distributions: what cancels is lost in either.
    expect(relativeError(a.layers, b.layers)).toBeLessThan(1e-3);
    expect(relativeError(a.baseline, b.baseline)).toBeLessThan(1e-3);
  });

  test("a row alone has the bits that it has in a batch", async () => {
    const model = await loadForTest(join(scratch, "llama"), "mapped", "kept");
    const tokens = range(24).map((i) => (i * 37) % 300);
    const final = async (positions: number[]) =>
      result(await runJob(model, { tokens, readout: { positions, layers: "final", topK: 50 } })).variants[0]?.final.topLogprobs;
    const all = await final(range(24));
    for (const position of [0, 11, 23])
      expect(await final([position])).toStrictEqual(all?.slice(position * 50, (position + 1) * 50));
    await model.close();
  });
});

test("half types beside float32 in one file: what is stored wider, with the same values, changes no bit", async () => {
  const folder = join(scratch, "mixed");
  writeRandom(folder, "gpt2", { type: "F16" });
  const spec: JobSpec = { tokens: [1, 2, 3] };
  const final = async () => {
    const model = await loadForTest(folder, "mapped", "kept");
    const rows = result(await runJob(model, spec)).variants[0]?.final;
    await model.close();
    return rows;
  };
  const before = await final();
  widen(join(folder, "model.safetensors"), /ln_|c_fc|bias/);
  expect(new Set(openCheckpoint(folder).blocks.map(({ mlp }) => `${mlp.up.weight.type} ${mlp.down.weight.type}`))).toEqual(
    new Set(["F32 F16"]),
  );
  expect(await final()).toStrictEqual(before);
});

/** Rewrites an F16 file with the tensors of some names as F32. */
function widen(path: string, names: RegExp): void {
  const tensors = readSafetensors(path, "model.safetensors", [])?.tensors ?? new Map<string, StoredTensor>();
  const files = openTensorFiles();
  const bytes = readFileSync(path);
  const mixed = [...tensors].map(([name, stored]): [string, TensorData] => {
    const { shape, offset, length } = stored as StoredTensor;
    if (!names.test(name)) return [name, { dtype: "F16", shape, bytes: bytes.subarray(offset, offset + length) }];
    const values = files.readTensor({ ...(stored as StoredTensor), type: "F16" });
    return [name, { dtype: "F32", shape, bytes: new Uint8Array(values.buffer) }];
  });
  files.close();
  writeFileSync(path, safetensors(mixed));
}
