/** What a model needs is known, and refused, before anything of it is loaded. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openCheckpoint } from "../../src/engine/checkpoint/open.ts";
import { estimateMemory, planLoad } from "../../src/engine/memory.ts";
import type { ModelSpec } from "../../src/engine/model-spec.ts";
import { writeRandomGpt2 } from "../support/checkpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "stratascope-memory-"));
const total = (spec: ModelSpec, held: Parameters<typeof estimateMemory>[1]) => {
  const { weightBytes, bufferBytes } = estimateMemory(spec, held);
  return weightBytes + bufferBytes;
};
let half: ModelSpec;
let single: ModelSpec;

beforeAll(() => {
  writeRandomGpt2(join(folder, "half"), { type: "F16", config: { tie_word_embeddings: false } });
  writeRandomGpt2(join(folder, "single"), { type: "F32", config: { tie_word_embeddings: false } });
  half = openCheckpoint(join(folder, "half"));
  single = openCheckpoint(join(folder, "single"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the estimate", () => {
  test("weights: as stored where half types are kept, twice that folded, four times folded and packed", () => {
    // Untied: the embeddings are read row by row, and held by nobody.
    const embeddings = half.tokenEmbedding.length + (half.positionEmbedding?.length ?? 0);
    const stored = half.diskBytes - embeddings;
    expect(estimateMemory(half, { weights: "mapped", half: "kept" }).weightBytes).toBe(stored);
    expect(estimateMemory(half, { weights: "mapped", half: "folded" }).weightBytes).toBe(2 * stored);
    expect(estimateMemory(half, { weights: "packed", half: "folded" }).weightBytes).toBe(4 * stored);
    for (const weights of ["packed", "mapped"] as const)
      expect(estimateMemory(single, { weights, half: null }).weightBytes).toBe(2 * stored);
  });

  test("a tied embedding counts once, as the unembed", () => {
    writeRandomGpt2(join(folder, "tied"), { type: "F16" });
    const tied = openCheckpoint(join(folder, "tied"));
    const { weightBytes } = estimateMemory(tied, { weights: "mapped", half: "kept" });
    expect(weightBytes).toBe(tied.diskBytes - (tied.positionEmbedding?.length ?? 0));
  });

  test("casts of a call need room of their own", () => {
    const { bufferBytes } = estimateMemory(half, { weights: "mapped", half: "folded" });
    expect(estimateMemory(half, { weights: "mapped", half: "kept" }).bufferBytes).toBeGreaterThan(bufferBytes);
  });
});

describe("the plan", () => {
  const plan = (spec: ModelSpec, memoryBytes: number, more: Partial<Parameters<typeof planLoad>[2]> = {}) =>
    planLoad("any", spec, { weights: "packed", halfPrecision: "auto", memoryBytes, ...more });

  test("auto folds up to the last byte that fits, and keeps half types from there on", () => {
    const folded = total(half, { weights: "packed", half: "folded" });
    expect(plan(half, folded)).toMatchObject({ weights: "packed", half: "folded" });
    expect(plan(half, folded - 1)).toMatchObject({ weights: "mapped", half: "kept" });
  });

  test("auto makes no copies where weights are to stay mapped", () => {
    expect(plan(half, 2 ** 40, { weights: "mapped" })).toMatchObject({ weights: "mapped", half: "kept" });
  });

  test("what is asked for by name is done, and nothing is packed with half types kept", () => {
    expect(plan(half, 2 ** 40, { halfPrecision: "keep" })).toMatchObject({ weights: "mapped", half: "kept" });
    expect(plan(half, 2 ** 40, { halfPrecision: "fold" })).toMatchObject({ weights: "packed", half: "folded" });
  });

  test("float32 has nothing to keep or fold", () => {
    for (const halfPrecision of ["auto", "keep", "fold"] as const)
      expect(plan(single, 2 ** 40, { halfPrecision })).toMatchObject({ weights: "packed", half: null });
  });

  test("what cannot fit is refused with both numbers", () => {
    const least = total(half, { weights: "mapped", half: "kept" });
    const { weightBytes, bufferBytes } = estimateMemory(half, { weights: "mapped", half: "kept" });
    expect(plan(half, least).half).toBe("kept");
    expect(() => plan(half, least - 1)).toThrow(
      `The model any needs ${least} bytes of memory (${weightBytes} for its weights, half types kept, ${bufferBytes} for a call's buffers); MODEL_MEMORY_BYTES allows ${least - 1}.`,
    );
  });

  test("a refusal of folded weights says what would need less", () => {
    expect(() => plan(half, 1, { halfPrecision: "fold" })).toThrow(/as float32; HALF_PRECISION=keep needs less, \d+ for a call/);
  });
});
