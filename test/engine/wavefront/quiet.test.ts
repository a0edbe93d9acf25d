/** What a run says that only its result and its captures are read of, and weights at chosen places of patterns. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineEvent, LayerEvent } from "../../../src/engine/protocol.ts";
import { writeRandom } from "../../support/checkpoint.ts";
import {
  type JobSpec,
  jobOf,
  layers,
  loadForTest,
  range,
  result,
  runJob,
  runJobs,
  scheduleOf,
  type TestModel,
} from "../../support/engine.ts";

const L = 4;
const HEADS = 4;
const tokens = [0, 11, 25, 300, 4, 9, 17];
const schedules = [scheduleOf("baseline", range(L)), scheduleOf("delete.1", [0, 2, 3])];
const folder = mkdtempSync(join(tmpdir(), "stratascope-quiet-"));
let model: TestModel;

beforeAll(async () => {
  writeRandom(folder, "llama", {
    nLayers: L,
    dModel: 32,
    nHeads: HEADS,
    kvHeads: 2,
    dMlp: 48,
    vocabSize: 320,
    contextLength: 64,
  });
  model = await loadForTest(folder);
});
afterAll(async () => {
  await model.close();
  rmSync(folder, { recursive: true });
});

const events = (of: readonly EngineEvent[]) => of.filter((event): event is LayerEvent => event.type === "layer");
const final = { tokens, schedules, baseline: 0, readout: { positions: [3, 6], layers: "final", topK: 3 } } satisfies JobSpec;

describe("a quiet run", () => {
  test("without captures has no layer events, and the result of one that is not quiet", async () => {
    const quiet = await runJob(model, { ...final, quiet: true });
    expect(quiet.map(({ type }) => type)).toEqual(["result", "done"]);
    expect(result(quiet)).toStrictEqual(result(await runJob(model, final)));
  });

  test("with every layer read out has none either, and the divergences of all layers", async () => {
    const given: JobSpec = { ...final, readout: { layers: "all", topK: 3 } };
    const quiet = await runJob(model, { ...given, quiet: true });
    expect(events(quiet)).toEqual([]);
    expect(result(quiet)).toStrictEqual(result(await runJob(model, given)));
    expect(result(quiet).variants[0]?.layers).toHaveLength(L + 1);
  });

  test("with a capture has one for every step, without its read-out", async () => {
    const quiet = await runJob(model, { ...final, capture: ["norms"], quiet: true });
    const loud = await runJob(model, { ...final, capture: ["norms"] });
    for (const variant of range(schedules.length)) {
      expect(layers(quiet, variant)).toStrictEqual(
        layers(loud, variant)
          .map(({ readout: _, ...captured }) => captured)
          .filter((event) => event.norms),
      );
    }
    expect(layers(quiet, 0).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  });

  test("with a capture and every layer read out shows both", async () => {
    const given: JobSpec = { ...final, readout: { layers: "all", topK: 3 }, capture: ["norms"] };
    const quiet = await runJob(model, { ...given, quiet: true });
    expect(layers(quiet)).toStrictEqual(layers(await runJob(model, given)).filter(({ step }) => step > 0));
  });

  test("on the scale of a source: the effects come with the comparisons", async () => {
    const given: JobSpec = {
      ...final,
      readout: { positions: [6], layers: "final", targets: [5, 6] },
      sources: [{ tokens: [9, 9, 4, 4, 3, 3, 1] }],
      normalise: 0,
    };
    const quiet = await runJob(model, { ...given, quiet: true });
    expect(events(quiet)).toEqual([]);
    expect(result(quiet).comparisons[0]?.effect).toHaveLength(1);
    expect(result(quiet)).toStrictEqual(result(await runJob(model, given)));
  });
});

describe("cells of attention patterns", () => {
  const cells = [
    { query: 6, key: 0 },
    { query: 2, key: 2 },
    { query: 3, key: 5 },
  ];

  test("are the patterns' own numbers at these places, zero above the diagonal, beside longer rows too", async () => {
    const [whole, ...chosen] = await runJobs(model, [
      jobOf(model, { ...final, capture: ["patterns"] }),
      jobOf(model, { ...final, cells }),
      jobOf(model, { ...final, cells, quiet: true, priority: "background" }),
      jobOf(model, { ...final, tokens: range(40), cells: [{ query: 39, key: 38 }] }),
    ]);
    const weightsAt = (weights: Float32Array, head: number, query: number, key: number) =>
      weights[(head * tokens.length + query) * tokens.length + key];
    for (const variant of range(schedules.length)) {
      const patterns = layers(whole as EngineEvent[], variant).filter((event) => event.patterns);
      const expected = patterns.map(({ patterns: [rows] = [] }) => ({
        block: rows?.block,
        weights: Float32Array.from({ length: HEADS * cells.length }, (_, i) => {
          const { query, key } = cells[i % cells.length] as (typeof cells)[number];
          return weightsAt(rows?.weights as Float32Array, Math.floor(i / cells.length), query, key) as number;
        }),
      }));
      expect(expected).toHaveLength(schedules[variant]?.steps.length as number);
      for (const one of chosen.slice(0, 2)) {
        const found = layers(one as EngineEvent[], variant).filter((event) => event.cells);
        expect(found.map((event) => event.cells?.[0])).toStrictEqual(expected);
        expect(found.every((event) => event.patterns === undefined)).toBe(true);
      }
      for (const { weights } of expected) {
        for (const head of range(HEADS)) {
          expect(weights[head * cells.length]).toBeGreaterThan(0);
          expect(weights[head * cells.length + 2]).toBe(0);
        }
      }
    }
  });

  test("a step of the MLP alone has none; a parallel group one for each of its blocks", async () => {
    const steps = [scheduleOf("parts", [[{ block: 0, component: "mlp" }], [1, 2], 3])];
    const found = await runJob(model, { ...final, schedules: steps, baseline: null, cells, quiet: true });
    expect(events(found).map((event) => event.cells?.map(({ block }) => block))).toEqual([[], [1, 2], [3]]);
  });
});
