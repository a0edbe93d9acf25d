/** Probes of labelled spans: what a layer can know, where spans end in tokens, and which rows belong together. */
import { afterAll, describe, expect, it, test } from "vitest";
import { kindOf } from "../../../src/experiments/kinds/index.ts";
import { groupsOf } from "../../../src/experiments/kinds/span-rows.ts";
import { unpack } from "../../../src/experiments/pack.ts";
import { fitLogistic, predict } from "../../../src/metrics/logistic-regression.ts";
import { pcg32 } from "../../../src/metrics/pcg32.ts";
import { foldsByText } from "../../../src/metrics/split-by-text.ts";
import type { ExperimentRequestInput } from "../../../src/schemas/experiments/request.ts";
import { meanOf, openLaboratory, refusalOf, rowsWith } from "../../support/experiments.ts";
import { CHECKPOINTS } from "../../support/fixtures.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

type Rows = Record<string, unknown>[];

const run = (model: string, rows: Rows, settings: object = {}) =>
  laboratory.run({ kind: "span-probe", model, data: { rows }, prepend_bos: true, settings: { ...settings } });

/** Words that are one token each, after a space. */
const WORDS = ["one", "two", "three", "four"];
const generator = pcg32(3);
const word = () => WORDS[generator.below(WORDS.length)] as string;
const words = (count: number) => Array.from({ length: count }, word);

describe.each(["gpt2", "llama", "phi"])("%s", (model) => {
  it("reads the span's own word at every layer, from the embedding on", async () => {
    const rows = Array.from({ length: 60 }, (_, i) => {
      const own = i % 2 === 0 ? "one" : "two";
      return { text: ["four", ...words(4), own, ...words(3)].join(" "), word: own, label: own };
    });
    // The word may stand before: the first time it does.
    const result = await run(model, rows);
    const rowsOf = rowsWith(result, { statistic: "accuracy" });
    expect(rowsOf.map(({ layer, count }) => [layer, count])).toEqual(rowsOf.map((_, i) => [i - 1, 60]));
    for (const { mean } of rowsOf) expect(mean).toBeGreaterThan(0.95);
    expect(result.summary).toMatchObject({ labels: ["one", "two"], rows_by_label: [30, 30], accuracy_of_majority: 0.5 });
  });

  it("reads the word before a span only once a block has looked back", async () => {
    const rows = Array.from({ length: 120 }, (_, i) => {
      const before = i % 2 === 0 ? "two" : "three";
      const text = ["four", ...words(3), before, "one"].join(" ");
      return { text, span: [text.length - 3, text.length], label: i % 2 };
    });
    const result = await run(model, rows);
    const accuracy = (layer: number) => meanOf(result, { layer, statistic: "accuracy" });
    // The embedding is of the word and the place alone, the same in all rows: the probe says what most of its training part
    // says, and of labels that are equally frequent the held-out part is mostly the other.
    expect(accuracy(-1)).toBeLessThan(0.5);
    expect(meanOf(result, { layer: -1, statistic: "loss_nats" })).toBeGreaterThan(0.65);
    expect(accuracy(1)).toBeGreaterThan(0.9);
    expect(result.summary.best_layer).not.toBe(-1);
  });
});

test("is the same as fitting what the kind activations writes, fold by fold", async () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({ text: ["four", ...words(5), "one"].join(" "), label: i % 3 === 0 }));
  const settings = { folds: 4, c: 0.1 };
  const request = { model: "gpt2", prepend_bos: true, seed: 5 } as const;
  const spans = rows.map((row) => ({ ...row, span: [row.text.length - 3, row.text.length] }));
  const result = await laboratory.run({ ...request, kind: "span-probe", data: { rows: spans }, settings });
  const sites = { sites: ["resid_post"], layers: [2], positions: "last" };
  const [shard] = await laboratory.outputs({
    ...{ ...request, kind: "activations", data: { texts: rows.map(({ text }) => text) }, settings: sites },
  });
  const file = kindOf("activations").files?.bytes(unpack(shard as Uint8Array)) as Uint8Array;
  const d = 48;
  const x = Float64Array.from(new Float32Array(file.slice(-40 * d * 4).buffer));
  const groups = groupsOf(rows.map(({ text }) => ({ texts: [text] })));
  let right = 0;
  let loss = 0;
  for (const { train, test: held } of foldsByText(groups, 4, 5)) {
    const column = (j: number) => Array.from(train, (row) => x[row * d + j] as number);
    const means = Array.from({ length: d }, (_, j) => column(j).reduce((sum, value) => sum + value, 0) / train.length);
    const spread = means.map((mean, j) =>
      Math.sqrt(column(j).reduce((sum, value) => sum + (value - mean) ** 2, 0) / train.length),
    );
    const standard = (of: Int32Array) =>
      Float64Array.from(
        Array.from(of).flatMap((row) => means.map((mean, j) => ((x[row * d + j] as number) - mean) / (spread[j] as number))),
      );
    const labels = Uint8Array.from(train, (row) => Number(rows[row]?.label));
    const probabilities = predict(fitLogistic(standard(train), labels, { C: 0.1 }), standard(held));
    for (const [i, row] of held.entries()) {
      const p = rows[row]?.label ? (probabilities[i] as number) : 1 - (probabilities[i] as number);
      right += Number(p > 0.5);
      loss -= Math.log(p);
    }
  }
  expect(meanOf(result, { layer: 2, statistic: "accuracy", count: 40 })).toBeCloseTo(right / 40, 12);
  expect(meanOf(result, { layer: 2, statistic: "loss_nats" })).toBeCloseTo(loss / 40, 5);
  expect(result.summary).toMatchObject({ labels: [false, true], rows_by_label: [26, 14], unconverged_fits: 0 });
});

test("of two texts the difference tells whether words are the same, which both side by side do not", async () => {
  const rows = Array.from({ length: 120 }, (_, i) => {
    const [own, other] = i % 2 === 0 ? [word(), word()] : Array<string>(2).fill(word());
    const begun = (last: string | undefined) => ["four", "one", last].join(" ");
    const [end, end2] = [begun(own).length, begun(other).length];
    return {
      ...{ text: [begun(own), ...words(9)].join(" "), span: [end - 1, end] },
      ...{ text2: [begun(other), ...words(9)].join(" "), span2: [end2 - 1, end2] },
      label: own === other,
    };
  });
  const accuracy = async (settings: object) => meanOf(await run("gpt2", rows, settings), { layer: -1, statistic: "accuracy" });
  expect(await accuracy({ pair: "difference" })).toBeGreaterThan(0.95);
  expect(await accuracy({})).toBeLessThan(0.8);
});

describe("where a span ends", () => {
  const planned = async (model: string, row: { text: string; span?: number[]; word?: string }, prepend_bos = true) => {
    const rows = Array.from({ length: 8 }, (_, i) => ({ ...row, label: i % 2 }));
    // Texts alike are one text, which no fold can hold out: the same span in eight texts.
    const apart = rows.map((each, i) => ({ ...each, text: `${each.text}${" two".repeat(i)}` }));
    const settings = { folds: 2 };
    const { inputs } = await laboratory.plan({ kind: "span-probe", model, data: { rows: apart }, prepend_bos, settings });
    const { sequences } = unpack<{ input: { sequences: Int32Array[][] } }>(inputs[0] as Uint8Array).input;
    expect(new Set(sequences.map(([tokens]) => tokens?.join())).size).toBe(1);
    return Array.from(sequences[0]?.[0] ?? []);
  };
  const text = "Löwe, naïve café, 東京 and 🦊: four";

  test.each([
    ["in code points", { span: [0, 4] }, [0, 313, 115, 87, 69]],
    [
      "behind letters of several bytes",
      { span: [12, 16] },
      [0, 313, 115, 87, 69, 12, 268, 65, 128, 108, 292, 221, 289, 70, 128, 103],
    ],
    ["by the word", { word: "café" }, [0, 313, 115, 87, 69, 12, 268, 65, 128, 108, 292, 221, 289, 70, 128, 103]],
    ["inside a token: the token", { span: [6, 7] }, [0, 313, 115, 87, 69, 12, 268]],
  ])("%s", async (_, where, expected) => {
    expect(await planned("gpt2", { text, ...where })).toEqual(expected);
    expect(await planned("gpt2", { text, ...where }, false)).toEqual(expected.slice(1));
  });

  test("a word is found where it stands alone", async () => {
    const found = await planned("gpt2", { text: "someone and one two", word: "one" });
    const alone = await planned("gpt2", { text: "someone and one two", span: [12, 15] });
    expect(found).toEqual(alone);
  });
});

test("rows that share a text, be it through others, are one group", () => {
  const texts = [["a", "b"], ["c"], ["b", "d"], ["e", "c"], ["d"], ["f"]];
  expect([...groupsOf(texts.map((each) => ({ texts: each })))]).toEqual([0, 1, 0, 1, 0, 2]);
});

describe("is refused", () => {
  const good = (i: number) => ({ text: `one two ${"three ".repeat(i)}four`, word: "two", label: i % 2 });
  const refused = (rows: Rows, settings: object = {}, more: object = {}) =>
    refusalOf(laboratory, { kind: "span-probe", model: "gpt2", data: { rows }, settings, ...more } as ExperimentRequestInput);
  const bad = (row: Record<string, unknown>) => refused([good(0), { ...good(1), ...row }]);

  test.each<[Record<string, unknown>, string, string]>([
    [{ text: 5 }, "/data/rows/1/text", 'row 1 has no "text" that is a text'],
    [{ label: null }, "/data/rows/1/label", 'row 1 has no "label" that is a text, a number, true or false'],
    [{ word: undefined }, "/data/rows/1/span", 'row 1 has neither a "span" nor a "word"'],
    [{ word: "tw" }, "/data/rows/1/word", 'row 1 has the word "tw", which is not in its "text"'],
    [{ span: "two" }, "/data/rows/1/span", 'row 1 has no "span" that is two whole numbers, [start, end]'],
    [{ span: [4, 19] }, "/data/rows/1/span", "row 1 has the span [4, 19], which is none of its text's 18 characters"],
    [{ span: [4, 4] }, "/data/rows/1/span", "row 1 has the span [4, 4], which is none of its text's 18 characters"],
    [{ text2: "one" }, "/data/rows/1/text2", 'row 1 has a "text2", which the first row has not'],
  ])("%j", async (row, pointer, detail) => {
    expect(await bad(row)).toMatchObject({ detail, errors: [{ pointer, detail }] });
  });

  test("a second text that is missing, or lacks the first one's word", async () => {
    const pair = { text2: "two and two" };
    expect(await refused([{ ...good(0), ...pair }, good(1)])).toMatchObject({ detail: 'row 1 has no "text2" that is a text' });
    expect(await refused([{ ...good(0), text2: "one" }])).toMatchObject({
      detail: 'row 0 has the word "two", which is not in its "text2"',
    });
  });

  test("other than two labels", async () => {
    const rows = Array.from({ length: 9 }, (_, i) => ({ ...good(i), label: `l${i % 3}` }));
    expect(await refused(rows)).toMatchObject({
      detail: 'the rows have 3 labels ("l0", "l1", "l2"); a probe tells exactly 2 apart',
      errors: [{ pointer: "/data" }],
    });
  });

  test("a label with too few rows: both counts", async () => {
    const rows = Array.from({ length: 20 }, (_, i) => ({ ...good(i), label: i < 17 ? "a" : "b" }));
    expect(await refused(rows)).toMatchObject({
      detail: 'the label "a" has 17 rows and "b" has 3 rows; each needs at least 10, 2 for each of 5 folds',
    });
  });

  test("fewer texts than folds, and texts without which a label is gone", async () => {
    const rows = Array.from({ length: 24 }, (_, i) => ({ ...good(i % 3), label: i % 2 }));
    expect(await refused(rows)).toMatchObject({
      detail: "the rows have 3 texts that share nothing, fewer than the 5 folds",
      errors: [{ pointer: "/settings/folds" }],
    });
    const lopsided = Array.from({ length: 24 }, (_, i) => (i < 12 ? { ...good(99), label: "a" } : { ...good(i), label: "b" }));
    expect(await refused(lopsided)).toMatchObject({
      detail: "without the texts of one of the folds only one label is left: ask for more folds, or give more texts",
    });
  });
});
