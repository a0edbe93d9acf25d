/** The neuron census: what the reference counts, and what must hold of every model. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countsInDouble } from "../../src/engine/census/layer-census.ts";
import { openCheckpoint } from "../../src/engine/checkpoint/open.ts";
import { openTensorFiles } from "../../src/engine/checkpoint/rows.ts";
import type { BlockSpec, LinearSpec, MlpSpec, ModelSpec, TensorRef } from "../../src/engine/model-spec.ts";
import type { CensusJob, CensusRows } from "../../src/engine/protocol.ts";
import { Problem } from "../../src/problem.ts";
import { writeRandom } from "../support/checkpoint.ts";
import { TEST_DEVICE } from "../support/device.ts";
import { loadForTest, range, result, runJob, type TestModel } from "../support/engine.ts";
import { CHECKPOINTS, FIXTURES, readFixture } from "../support/fixtures.ts";
import { relativeError } from "../support/reference.ts";

const TOLERANCE = 1e-4;
type At = (neuron: number) => number;
let next = 0;

async function census(model: TestModel, given: Partial<CensusJob>): Promise<CensusRows> {
  const job: CensusJob = { id: `census-${next++}`, model: "test", layer: 0, weights: "folded", ...given };
  return new Promise((resolve, reject) => {
    model.census.add(job, (outcome) => (outcome instanceof Problem ? reject(outcome) : resolve(outcome)));
    void (async () => {
      while (model.census.hasWork) await model.census.step();
    })();
  });
}

const HELD = [
  { weights: "packed", half: "folded" },
  { weights: "mapped", half: "folded" },
  { weights: "mapped", half: "kept" },
] as const;
const CASES = FIXTURES.flatMap((name) => (TEST_DEVICE === "cpu" ? HELD : HELD.slice(0, 1)).map((held) => ({ name, ...held })));

describe.each(CASES)("$name, weights $weights, half types $half", ({ name, weights, half }) => {
  const { figures } = readFixture(name);
  let model: TestModel;

  beforeAll(async () => {
    model = await loadForTest(`${CHECKPOINTS}/${name}`, weights, half);
  });
  afterAll(() => model.close());

  test.each(["raw", "folded"] as const)("kurtosis, skew and variance of the reference, %s", async (kind) => {
    const expected = figures[`neuron_census.${kind}`];
    expect(expected).toHaveLength(model.spec.nLayers);
    for (const [layer, figure] of expected.entries()) {
      const rows = await census(model, { layer, weights: kind });
      expect(rows.setEffects).toEqual([]);
      const counts = (of: (neuron: number) => boolean) => range(model.spec.dMlp).filter(of).length;
      const [kurtosis, skew, variance] = [rows.kurtosis, rows.skew, rows.variance].map(
        (values) => (at: number) => values[at] as number,
      ) as [At, At, At];
      expect(counts((at) => kurtosis(at) > 10 && skew(at) > 0)).toBe(figure.prediction);
      expect(counts((at) => kurtosis(at) > 10 && skew(at) < 0)).toBe(figure.suppression);
      expect(counts((at) => variance(at) > 0.005)).toBe(figure.partition);
      for (const name of ["kurtosis", "skew", "variance"] as const) {
        for (const [neuron, value] of figure[name].first.entries())
          expect(Math.abs((rows[name][neuron] as number) / value - 1)).toBeLessThan(TOLERANCE);
        const mean = rows[name].reduce((sum, value) => sum + value, 0) / model.spec.dMlp;
        expect(Math.abs(mean / figure[name].mean - 1)).toBeLessThan(TOLERANCE);
      }
    }
  });

  test.each(["raw", "folded"] as const)("effects on token sets, by their definition, %s", async (kind) => {
    const sets = [[5, 6, 300], [0], [7, 7, 8, 9], []];
    const { setEffects } = await census(model, { layer: 1, weights: kind, tokenSets: sets });
    const writes = wOut(model.spec, 1, kind);
    const unembed = wU(model.spec, kind).slice(0, model.spec.tokenCount);
    for (const [index, set] of sets.entries()) {
      const expected = writes.map(
        (w) => meanOver(unembed, w, (v) => set.includes(v)) - meanOver(unembed, w, (v) => !set.includes(v)),
      );
      if (set.length === 0) expect([...(setEffects[index] as Float64Array)].every(Number.isNaN)).toBe(true);
      else expect(relativeError(setEffects[index] as Float64Array, expected)).toBeLessThan(1e-5);
    }
  });
});

/** W_U, plainly: folded as the authors do. [V][d] */
function wU({ unembed, finalNorm, dModel: d, vocabSize }: ModelSpec, kind: "raw" | "folded"): number[][] {
  const files = openTensorFiles();
  const gamma = files.readTensor(finalNorm.weight);
  let rows = range(vocabSize).map((v) => [...files.readRows(unembed.weight, [v])]);
  files.close();
  if (kind === "raw") return rows;
  rows = rows.map((row) => row.map((weight, i) => weight * (gamma[i] as number)));
  const mean = range(d).map((i) => rows.reduce((sum, row) => sum + (row[i] as number), 0) / vocabSize);
  rows = rows.map((row) => row.map((weight, i) => weight - (mean[i] as number)));
  return rows.map((row) => (finalNorm.kind === "layer" ? centred(row) : row));
}

/** w_out of every neuron of a layer. */
function wOut({ blocks, finalNorm, dModel: d, dMlp }: ModelSpec, layer: number, kind: "raw" | "folded"): number[][] {
  const { down } = (blocks[layer] as BlockSpec).mlp;
  const files = openTensorFiles();
  const all = files.readTensor(down.weight);
  files.close();
  const rows = range(dMlp).map((j) => range(d).map((i) => all[down.layout === "in_out" ? j * d + i : i * dMlp + j] as number));
  return kind === "folded" && finalNorm.kind === "layer" ? rows.map(centred) : rows;
}

function centred(row: readonly number[]): number[] {
  const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
  return row.map((value) => value - mean);
}

function meanOver(rows: readonly number[][], w: readonly number[], counts: (v: number) => boolean): number {
  const chosen = rows.filter((_, v) => counts(v));
  return chosen.reduce((sum, row) => sum + row.reduce((dot, value, i) => dot + value * (w[i] as number), 0), 0) / chosen.length;
}

/** Rewrites the numbers of a tensor in its file: [rows, width] given row by row, as their bits. */
function rewrite(
  { file, type, offset, length, shape }: TensorRef,
  change: (at: (row: number, column: number) => number) => (row: number, column: number) => number,
): void {
  const bytes = readFileSync(file);
  const part = Uint8Array.from(bytes.subarray(offset, offset + length));
  const bits = type === "F32" ? new Uint32Array(part.buffer) : new Uint16Array(part.buffer);
  const before = bits.slice();
  const [rows, width] = shape as [number, number];
  const changed = change((row, column) => before[row * width + column] as number);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < width; column++) bits[row * width + column] = changed(row, column);
  bytes.set(part, offset);
  writeFileSync(file, bytes);
}

/** The bits of a number and of its negative differ in one. */
const negated = (type: TensorRef["type"], bits: number) => (type === "F32" ? (bits ^ 0x80000000) >>> 0 : bits ^ 0x8000);

/** Changes a map neuron by neuron: `inputs`, where neurons are its inputs. */
function byNeuron(
  { weight, layout }: LinearSpec,
  inputs: boolean,
  change: (read: (neuron: number, i: number) => number) => (neuron: number, i: number) => number,
): void {
  const first = (layout === "in_out") === inputs;
  rewrite(weight, (at) => {
    const changed = change(first ? at : (neuron, i) => at(i, neuron));
    return first ? changed : (row, column) => changed(column, row);
  });
}

const SHAPES = [
  { family: "gpt2", nLayers: 2, dModel: 40, nHeads: 5, dMlp: 72, type: "F32" },
  { family: "phi", nLayers: 2, dModel: 36, nHeads: 3, dMlp: 52, type: "F16" },
  { family: "llama", nLayers: 2, dModel: 40, nHeads: 4, dMlp: 68, type: "BF16" },
] as const;

const root = mkdtempSync(join(tmpdir(), "stratascope-census-"));
afterAll(() => rmSync(root, { recursive: true }));

/** What comes of a copy of a model whose layer 1 was changed. */
async function changed<T>(family: string, change: (mlp: MlpSpec) => void, then: (model: TestModel) => Promise<T>): Promise<T> {
  const folder = join(root, `${family}-${next++}`);
  cpSync(join(root, family), folder, { recursive: true });
  change((openCheckpoint(folder).blocks[1] as BlockSpec).mlp);
  const model = await loadForTest(folder);
  return then(model).finally(() => model.close());
}

describe.each(SHAPES)("$family, $type", ({ family, ...shape }) => {
  beforeAll(() => writeRandom(join(root, family), family, { ...shape, vocabSize: 320, contextLength: 32 }));

  test("a permuted layer has a permuted census", async () => {
    const order = range(shape.dMlp).map((neuron) => (neuron * 5 + 3) % shape.dMlp);
    expect(new Set(order).size).toBe(shape.dMlp);
    const count = (model: TestModel) => census(model, { layer: 1, tokenSets: [[1, 2, 3]] });
    const before = await changed(family, () => {}, count);
    const after = await changed(
      family,
      ({ down }) => byNeuron(down, true, (read) => (neuron, i) => read(order[neuron] as number, i)),
      count,
    );
    const permuted = (values: Float64Array) => order.map((neuron) => values[neuron] as number);
    for (const name of ["kurtosis", "skew", "variance"] as const)
      expect(relativeError(after[name], permuted(before[name]))).toBeLessThan(1e-12);
    expect(relativeError(after.setEffects[0] as Float64Array, permuted(before.setEffects[0] as Float64Array))).toBeLessThan(
      1e-12,
    );
  });

  test("a neuron that writes nothing has no shape and no effect; its mates' numbers stay", async () => {
    const count = (model: TestModel) => census(model, { layer: 1, tokenSets: [[4]] });
    const before = await changed(family, () => {}, count);
    const after = await changed(
      family,
      ({ down }) => byNeuron(down, true, (read) => (neuron, i) => (neuron === 3 ? 0 : read(neuron, i))),
      count,
    );
    const others = (values: Float64Array) => values.filter((_, neuron) => neuron !== 3);
    expect([after.kurtosis[3], after.skew[3], after.variance[3], after.setEffects[0]?.[3]]).toEqual([NaN, NaN, 0, 0]);
    expect(others(after.kurtosis)).toStrictEqual(others(before.kurtosis));
  });
});

test("negating a gated neuron's row and column changes nothing but the sign of its skew", async () => {
  const negate = ({ up, down }: MlpSpec) => {
    for (const [linear, inputs] of [
      [up, false],
      [down, true],
    ] as const) {
      const { type } = linear.weight;
      byNeuron(linear, inputs, (read) => (neuron, i) => (neuron === 7 ? negated(type, read(neuron, i)) : read(neuron, i)));
    }
  };
  const tokens = [0, 11, 25, 300, 4];
  const both = async (model: TestModel) => ({
    rows: await census(model, { layer: 1, weights: "raw" }),
    final: result(await runJob(model, { tokens, readout: { layers: "final" } })).variants[0]?.final,
  });
  const before = await changed("llama", () => {}, both);
  const after = await changed("llama", negate, both);
  expect(after.final).toStrictEqual(before.final);
  expect(after.rows.kurtosis).toStrictEqual(before.rows.kurtosis);
  expect(after.rows.variance).toStrictEqual(before.rows.variance);
  expect(after.rows.skew).toStrictEqual(before.rows.skew.map((skew, neuron) => (neuron === 7 ? -skew : skew)));
  expect(before.rows.skew[7]).not.toBe(0);
});

describe("a layer that is too much work for double", () => {
  const folder = join(root, "wide");
  const sizes = { nLayers: 1, dModel: 64, nHeads: 4, dMlp: 1100, vocabSize: 32_001, contextLength: 32 };
  const NEURONS = [0, 1, 549, 550, 1099];
  let model: TestModel;

  beforeAll(async () => {
    writeRandom(folder, "phi", { ...sizes, type: "BF16" });
    model = await loadForTest(folder, "mapped", "kept");
  });
  afterAll(() => model.close());

  test.each(["raw", "folded"] as const)(
    "every part of the vocabulary and every group of neurons is counted once, %s",
    async (kind) => {
      expect(countsInDouble(model.spec)).toBe(false);
      const rows = await census(model, { weights: kind });
      const unembed = wU(model.spec, kind);
      const lengths = unembed.map((row) => Math.hypot(...row));
      const writes = wOut(model.spec, 0, kind);
      for (const neuron of NEURONS) {
        const w = writes[neuron] as number[];
        const length = Math.hypot(...w);
        const cosines = unembed.map(
          (row, v) => row.reduce((sum, value, i) => sum + value * (w[i] as number), 0) / length / (lengths[v] as number),
        );
        const mean = cosines.reduce((sum, c) => sum + c, 0) / cosines.length;
        const moment = (k: number) => cosines.reduce((sum, c) => sum + (c - mean) ** k, 0) / cosines.length;
        const close = (actual: number | undefined, expected: number, scale = Math.abs(expected)) =>
          expect(Math.abs((actual as number) - expected) / scale).toBeLessThan(1e-5);
        close(rows.variance[neuron], moment(2));
        close(rows.kurtosis[neuron], moment(4) / moment(2) ** 2);
        close(rows.skew[neuron], moment(3) / moment(2) ** 1.5, 1);
      }
    },
  );
});

test("a layer or a token that the model has not is refused", async () => {
  const model = await loadForTest(`${CHECKPOINTS}/gpt2`);
  await expect(census(model, { layer: 5 })).rejects.toThrow("A census of layer 5 is not possible; the model has layers 0 to 4.");
  await expect(census(model, { tokenSets: [[1], [2, 320]] })).rejects.toThrow(
    "Token set 1 has the id 320; the model's ids are 0 to 319.",
  );
  expect(model.census.active).toBe(0);
  await model.close();
});

test("session and tables that were let go are made anew, and count the same", async () => {
  const model = await loadForTest(`${CHECKPOINTS}/llama`);
  const before = await census(model, { layer: 2, tokenSets: [[9]] });
  await model.census.close();
  expect(await census(model, { layer: 2, tokenSets: [[9]] })).toStrictEqual(before);
  await model.close();
});
