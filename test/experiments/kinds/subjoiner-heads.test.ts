/** Figure 9: a head planted in the weights is found, and numbers are those of the runs' own patterns. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { baselineSchedule } from "../../../src/engine/schedule.ts";
import { AttentionFold, type AttentionOutput } from "../../../src/experiments/kinds/subjoiner-fold.ts";
import { unpack } from "../../../src/experiments/pack.ts";
import type { ExperimentRequestInput } from "../../../src/schemas/experiments/request.ts";
import { openTokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { writeRandomGpt2 } from "../../support/checkpoint.ts";
import { meanOf, openLaboratory, rowsWith } from "../../support/experiments.ts";
import { plant } from "../../support/plant.ts";

const [LAYERS, D, HEADS, CONTEXT] = [3, 24, 3, 64];
const HEAD_DIM = D / HEADS;
const PLANTED = { layer: 0, head: 1 } as const;

const models = mkdtempSync(join(tmpdir(), "stratascope-subjoiner-"));
writeRandomGpt2(join(models, "planted"), { nLayers: LAYERS, dModel: D, nHeads: HEADS, contextLength: CONTEXT, init: "calm" });
const tokenizer = await openTokenizer(join(models, "planted"));

/** The head's queries are tokens that go on with a word; its keys are the ones that begin with a space, the later the better. */
plant(join(models, "planted"), {
  "transformer.wte.weight": (values, [V = 0]) => {
    for (let id = 0; id < V; id++) values[id * D] = tokenizer.text(id).startsWith(" ") ? 1 : -1;
  },
  "transformer.wpe.weight": (values) => {
    for (let at = 0; at < CONTEXT; at++) values[at * D + 1] = (2 * at) / CONTEXT - 1;
  },
  "transformer.h.0.ln_1.weight": (values) => values.fill(1),
  "transformer.h.0.ln_1.bias": (values) => values.fill(0),
  "transformer.h.0.attn.c_attn.weight": (values) => {
    const [query, key] = [PLANTED.head * HEAD_DIM, D + PLANTED.head * HEAD_DIM];
    for (let input = 0; input < D; input++)
      for (let i = 0; i < HEAD_DIM; i++) values[input * 3 * D + query + i] = values[input * 3 * D + key + i] = 0;
    values[query] = -5; // of the first number of the stream
    values[key] = 4;
    values[3 * D + key] = 8; // of the second
  },
  "transformer.h.0.attn.c_attn.bias": (values) => values.fill(0),
});

const laboratory = openLaboratory(models);
afterAll(() => laboratory.close());

const ONE = ["two", "the", "three", "and", "one", "four", "in", "it", "to", "that", "be"];
/** " bxyz" is four tokens of the fixtures' tokenizer. */
const FOUR = ["bxyz", "fqkj", "mzzx", "lvvk", "sjjq"];
const TEXTS = Array.from({ length: 6 }, (_, text) =>
  Array.from({ length: 30 }, (_, i) =>
    i % 7 === 6 ? FOUR[(i + text) % FOUR.length] : ONE[(i * 5 + text * 3 + i * i) % ONE.length],
  ).join(" "),
);
const REQUEST: ExperimentRequestInput = {
  kind: "subjoiner-heads",
  model: "planted",
  data: { texts: TEXTS },
  settings: { context_words: 5, max_words: 40 },
};

describe("subjoiner-heads", () => {
  it("finds the planted head, first of all, and that it looks at the word's first token", async () => {
    const result = await laboratory.run(REQUEST);
    const { words, heads } = result.summary as { words: unknown; heads: Record<string, unknown>[] };
    expect(words).toEqual({ multi: 24, single: 40 });
    expect(heads[0]).toMatchObject({ ...PLANTED, strongest_to_first: true });
    expect(heads).toHaveLength(LAYERS * HEADS);
    const at = (offset: number, statistic: string) => meanOf(result, { ...PLANTED, offset, statistic });
    expect(at(3, "attention_difference")).toBeGreaterThan(0.9);
    expect(at(1, "attention_multi")).toBeLessThan(0.05);
    expect(at(2, "attention_multi")).toBeLessThan(0.05);
    expect(at(3, "attention_single")).toBeLessThan(0.05);
    expect(Math.abs((heads[1] as { total_difference: number }).total_difference)).toBeLessThan(0.3);
    const total = [1, 2, 3].reduce((sum, offset) => sum + at(offset, "attention_difference"), 0);
    expect(heads[0]?.total_difference).toBeCloseTo(total, 12);
    const [row] = rowsWith(result, { ...PLANTED, offset: 3, statistic: "attention_difference" });
    expect(row).toMatchObject({ std: null, count: 64 });
    expect(row?.sem).toBeGreaterThan(0);
  });

  it("its weights are those of the patterns", async () => {
    const result = await laboratory.run(REQUEST);
    const sums = new Float64Array(LAYERS * HEADS * 3);
    let count = 0;
    for (const input of (await laboratory.plan(REQUEST)).inputs) {
      const { input: chunk } = unpack<{ input: { words: { sort: string; tokens: Int32Array }[] } }>(input);
      for (const { sort, tokens } of chunk.words.filter((word) => word.sort === "multi")) {
        count++;
        const job = {
          ...{ id: `patterns-${sort}-${count}`, model: "planted", tokens: [...tokens], baseline: null },
          schedules: [baselineSchedule(LAYERS)],
          readout: { positions: [tokens.length - 1], layers: "final", topK: 1, lens: "standard", targets: [] },
          ...({ capture: ["patterns"], priority: "interactive" } as const),
        } as const;
        for await (const event of laboratory.engine.run(job, new AbortController().signal))
          for (const { block, weights } of (event.type === "layer" && event.patterns) || [])
            for (let head = 0; head < HEADS; head++)
              for (const offset of [1, 2, 3]) {
                const cell = (block * HEADS + head) * 3 + offset - 1;
                const at = ((head + 1) * tokens.length - 1) * tokens.length + tokens.length - 1 - offset;
                sums[cell] = (sums[cell] as number) + (weights[at] as number);
              }
      }
    }
    for (const [cell, sum] of sums.entries()) {
      const key = { layer: Math.floor(cell / 9), head: Math.floor(cell / 3) % HEADS, offset: (cell % 3) + 1 };
      expect(meanOf(result, { ...key, statistic: "attention_multi" })).toBeCloseTo(sum / count, 6);
    }
  });

  it("a text whose words are in several chunks counts as one", async () => {
    const { study } = await laboratory.plan(REQUEST);
    const groups = (await laboratory.outputs(REQUEST)).flatMap((bytes) => unpack<AttentionOutput>(bytes).groups);
    const whole = new AttentionFold(study, 3);
    whole.add({ groups });
    const apart = new AttentionFold(study, 3);
    for (const group of groups) apart.add({ groups: [group] });
    expect(apart.finish()).toEqual(whole.finish());
    const first = groups.filter(({ text }) => text === 0);
    const twice = new AttentionFold(study, 3);
    for (const group of [...first, ...first]) twice.add({ groups: [group] });
    for (const { sem, statistic, count } of twice.finish().table.rows) {
      const own = first.filter(({ sort }) => statistic === "attention_difference" || statistic === `attention_${sort}`);
      expect({ sem, count }).toEqual({ sem: null, count: 2 * own.reduce((sum, group) => sum + group.count, 0) });
    }
  });

  it("gives the same bits again", async () => {
    expect(await laboratory.outputs(REQUEST)).toEqual(await laboratory.outputs(REQUEST));
  });

  it("refuses too few words of a sort, with both counts", async () => {
    await expect(laboratory.plan({ ...REQUEST, data: { texts: ["two three one bxyz", "and four to that"] } })).rejects.toThrow(
      "the texts have 0 words of exactly 4 tokens and 0 of one token that end 5 words; at least 10 of each are needed",
    );
    await expect(laboratory.plan({ ...REQUEST, settings: { context_words: 5, max_words: 8 } })).rejects.toThrow(
      "the texts have 8 words of exactly 4 tokens and 8 of one token that end 5 words; at least 10 of each are needed",
    );
    const long = [[...ONE, ...ONE, ...Array(17).fill("bxyz")].join(" ")];
    await expect(laboratory.plan({ ...REQUEST, data: { texts: long }, settings: { context_words: 17 } })).rejects.toThrow(
      "the texts have 14 words of exactly 4 tokens and 6 of one token that end 17 words; at least 10 of each are needed; " +
        "3 contexts of more tokens than the model's, 64, were left out",
    );
  });

  it("refuses token ids, which have no words", async () => {
    await expect(laboratory.plan({ ...REQUEST, data: { tokens: [[1, 2, 3]] } })).rejects.toThrow(
      "this kind needs texts, not token ids: it looks at their words",
    );
  });
});
