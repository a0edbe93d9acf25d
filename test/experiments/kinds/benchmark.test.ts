/** Accuracy under interventions: against the reference's log-probabilities, and choices against single texts. */
import { afterAll, describe, expect, it, test } from "vitest";
import { readDataset } from "../../../src/datasets/dataset.ts";
import type { Item } from "../../../src/experiments/kinds/benchmark-rows.ts";
import { unpack } from "../../../src/experiments/pack.ts";
import type { ResultRow } from "../../../src/experiments/result.ts";
import type { ExperimentRequestInput } from "../../../src/schemas/experiments/request.ts";
import { pieces } from "../../datasets/help.ts";
import { meanOf, openLaboratory, refusalOf, rowsWith } from "../../support/experiments.ts";
import { CHECKPOINTS, FIXTURES, readFixture, TOKENS } from "../../support/fixtures.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

const run = (model: string, rows: Record<string, unknown>[], settings: object) =>
  laboratory.run({ kind: "benchmark", model, data: { rows }, prepend_bos: true, settings: { ...settings } });

/** Beginnings of the reference's first two texts; how many tokens their last words have, and where those begin. */
const LAST_WORDS = [
  { text: "The old house", scored: 4, from: 5 },
  { text: '"You are late', scored: 3, from: 5 },
];

describe.each(FIXTURES)("%s", (model) => {
  const { texts, logprobs, reference } = readFixture(model);
  const nLayers = reference.names().filter((name) => name.startsWith("pattern.")).length;
  const expected = (tensor: string, length: number) =>
    LAST_WORDS.map(({ scored, from }, text) => {
      const all = logprobs(tensor, text, length);
      const places = Array.from({ length: scored }, (_, i) => from + i);
      const ids = places.map((place) => texts[text]?.[place] as number);
      const rows = places.map((place) => all.subarray((place - 1) * TOKENS, place * TOKENS));
      return {
        logprob: ids.reduce((sum, id, i) => sum + (rows[i]?.[id] as number), 0),
        greedy: ids.every((id, i) => rows[i]?.every((value) => value <= (rows[i]?.[id] as number))),
      };
    });

  it("last-word: the reference's log-probabilities, untouched and with every layer deleted or swapped", async () => {
    const result = await run(
      model,
      LAST_WORDS.map(({ text }) => ({ text })),
      { task: "last-word" },
    );
    const variants = [
      { operation: "baseline", layer: null, tensor: "logits", length: 24 },
      ...Array.from({ length: nLayers }, (_, i) => ({ operation: "delete", layer: i, tensor: `delete.${i}`, length: 12 })),
      ...Array.from({ length: nLayers - 1 }, (_, i) => ({ operation: "swap", layer: i, tensor: `swap.${i}`, length: 12 })),
    ];
    for (const { tensor, length, ...key } of variants) {
      const rows = expected(tensor, length);
      const logprob = rows.reduce((sum, row) => sum + row.logprob, 0) / rows.length;
      const actual = meanOf(result, { ...key, statistic: "target_logprob_nats", count: 2 });
      expect(Math.abs(actual - logprob), `${tensor}: ${actual} and ${logprob}`).toBeLessThan(1e-4 * Math.abs(logprob));
      expect(meanOf(result, { ...key, statistic: "accuracy" })).toBe(rows.filter(({ greedy }) => greedy).length / 2);
      expect(meanOf(result, { ...key, statistic: "perplexity" })).toBeCloseTo(Math.exp(-actual), 6);
    }
    expect(rowsWith(result, { statistic: "accuracy" })).toHaveLength(1 + 3 * nLayers - 1);
    expect(rowsWith(result, { statistic: "accuracy_change" })).toHaveLength(3 * nLayers - 1);
  });

  it("repeat: the losses of the variant that runs the layer twice", async () => {
    const [{ text, scored, from }] = LAST_WORDS as [(typeof LAST_WORDS)[number]];
    const result = await run(model, [{ text }], { task: "last-word", operations: ["repeat"] });
    const twice = Array.from({ length: nLayers }, (_, i) => [`x${i}`, [{ op: "repeat", layers: [i] }]] as const);
    const rows = await laboratory.table(
      {
        ...{ kind: "variants", model, data: { tokens: [texts[0]?.slice(0, from + scored) as number[]] }, prepend_bos: true },
        settings: { variants: Object.fromEntries(twice), per_token: true },
      },
      "tokens",
    );
    const target = (key: ResultRow) => meanOf(result, { ...key, statistic: "target_logprob_nats" });
    for (const [layer, [variant]] of twice.entries()) {
      const losses = rows.filter((row) => row.variant === variant && (row.position as number) >= from - 1);
      const change = losses.reduce((sum, row) => sum + ((row.loss_change_nats as number | null) ?? 0), 0);
      const actual = target({ operation: "baseline" }) - target({ operation: "repeat", layer });
      expect(actual).toBeCloseTo(change, 4);
      expect(Math.abs(actual)).toBeGreaterThan(1e-3);
    }
  });
});

describe("multiple-choice", () => {
  const questions = [
    { context: "The old", choices: ["house", "horse", "the the the the"], answer: 0 },
    { context: "The old house stood at the ", choices: ["end", "lane of years"], answer: "lane of years" },
    { context: "one two three four one two", choices: [" three", " four", " one"], answer: 2 },
  ];

  it("scores each choice as the last word of the text that it makes with its context", async () => {
    const result = await run("llama", questions, { task: "multiple-choice", operations: ["delete"] });
    const scoreOf = async (text: string, words: number) => {
      // A word at a time: the sum is that of the whole choice.
      const parts = text.split(" ");
      let sum = { baseline: 0, deleted: 0 };
      for (let i = parts.length - words; i < parts.length; i++) {
        const one = await run("llama", [{ text: parts.slice(0, i + 1).join(" ") }], {
          task: "last-word",
          operations: ["delete"],
        });
        const at = (key: ResultRow) => meanOf(one, { ...key, statistic: "target_logprob_nats" });
        sum = {
          baseline: sum.baseline + at({ operation: "baseline" }),
          deleted: sum.deleted + at({ operation: "delete", layer: 1 }),
        };
      }
      return sum;
    };
    const scores = [
      [await scoreOf("The old house", 1), await scoreOf("The old horse", 1), await scoreOf("The old the the the the", 4)],
      [await scoreOf("The old house stood at the end", 1), await scoreOf("The old house stood at the lane of years", 3)],
      [
        await scoreOf("one two three four one two three", 1),
        await scoreOf("one two three four one two four", 1),
        await scoreOf("one two three four one two one", 1),
      ],
    ];
    const bytes = [
      [5, 5, 15],
      [3, 13],
      [6, 5, 4],
    ];
    const answers = [0, 1, 2];
    for (const variant of ["baseline", "deleted"] as const) {
      const key: ResultRow = variant === "baseline" ? { operation: "baseline" } : { operation: "delete", layer: 1 };
      const raw = scores.map((row) => row.map((score) => score[variant]));
      const normalised = raw.map((row, i) => row.map((score, j) => score / (bytes[i]?.[j] as number)));
      const share = (rows: number[][]) =>
        rows.filter((row, i) => row.indexOf(Math.max(...row)) === answers[i]).length / rows.length;
      const target = raw.reduce((sum, row, i) => sum + (row[answers[i] as number] as number), 0) / 3;
      expect(meanOf(result, { ...key, statistic: "accuracy" })).toBeCloseTo(share(raw), 12);
      for (const rule of ["acc_norm", "acc_bytes"])
        expect(meanOf(result, { ...key, statistic: rule })).toBeCloseTo(share(normalised), 12);
      expect(meanOf(result, { ...key, statistic: "target_logprob_nats", count: 3 })).toBeCloseTo(target, 4);
    }
    expect(rowsWith(result, { statistic: "perplexity" })).toEqual([]);
    expect(result.summary.baseline).toMatchObject({ accuracy_by_chance: (1 / 3 + 1 / 2 + 1 / 3) / 3 });
  });

  it("acc_norm divides by characters, acc_bytes by bytes, as lm-evaluation-harness", async () => {
    const rows = ["éé", "ü", "日本", "😀"].flatMap((choice) =>
      ["qx", "zqxj", "that"].map((other) => ({ context: "one two", choices: [choice, other], answer: 0 })),
    );
    const result = await run("llama", rows, { task: "multiple-choice", operations: ["delete"] });
    const logprobOf = async (text: string) =>
      meanOf(await run("llama", [{ text }], { operations: ["delete"] }), {
        operation: "baseline",
        statistic: "target_logprob_nats",
      });
    const scores = await Promise.all(
      rows.map(({ context, choices }) => Promise.all(choices.map((choice) => logprobOf(`${context} ${choice}`)))),
    );
    const lengths = { accuracy: () => 1, acc_norm: (choice: string) => [...choice].length, acc_bytes: Buffer.byteLength };
    const shares = Object.entries(lengths).map(([statistic, lengthOf]) => {
      const right = rows.filter(({ choices }, i) => {
        const [a, b] = choices.map((choice, j) => (scores[i]?.[j] as number) / lengthOf(choice)) as [number, number];
        return a >= b;
      });
      const share = right.length / rows.length;
      expect(meanOf(result, { operation: "baseline", statistic }), statistic).toBeCloseTo(share, 12);
      return share;
    });
    expect(new Set(shares).size).toBe(3);
    const { baseline, ...summary } = result.summary;
    expect(baseline).toEqual({ accuracy: shares[0], acc_norm: shares[1], acc_bytes: shares[2], accuracy_by_chance: 0.5 });
    for (const statistic of ["accuracy", "acc_norm"])
      expect(summary[`${statistic}_delete_by_layer`]).toEqual(
        rowsWith(result, { operation: "delete", statistic }).map(({ mean }) => mean),
      );
    for (const { layer, mean } of rowsWith(result, { operation: "delete", statistic: "acc_norm_change" })) {
      const changed = meanOf(result, { operation: "delete", layer: layer as number, statistic: "acc_norm" });
      expect(mean).toBeCloseTo(changed - (shares[1] as number), 12);
    }
  });

  it("a row's numbers do not depend on its mates", async () => {
    const settings = { task: "multiple-choice", operations: ["swap", "repeat"] };
    const all = await run("pythia", questions, settings);
    const alone = await Promise.all(questions.map((question) => run("pythia", [question], settings)));
    for (const row of all.table.rows) {
      const { operation, layer, statistic } = row;
      const each = alone.map((one) => meanOf(one, { operation, layer, statistic } as never));
      expect(row.mean).toBeCloseTo(each.reduce((sum, value) => sum + value, 0) / 3, 12);
    }
  });
});

describe("where a choice begins", () => {
  const planned = async (rows: Record<string, unknown>[], task: string, prepend_bos = true) => {
    const { inputs } = await laboratory.plan({
      kind: "benchmark",
      model: "gpt2",
      data: { rows },
      prepend_bos,
      settings: { task },
    });
    return inputs.flatMap((input) => unpack<{ input: { items: Item[] } }>(input).input.items);
  };
  const [house] = LAST_WORDS as [(typeof LAST_WORDS)[number]];
  const tokens = Int32Array.from(readFixture("gpt2").texts[0]?.slice(0, house.from + house.scored) as number[]);

  test.each([
    ["The old", "house"],
    ["The old ", "house"],
    ["The old", " house"],
  ])("after one space: %j and %j", async (context, choice) => {
    const [item] = await planned([{ context, choices: [choice, "horse"], answer: choice }], "multiple-choice");
    expect(item?.sequences[0]).toEqual({ tokens, scored: house.scored });
    expect(item?.bytes[0]).toBe(Buffer.byteLength(choice));
  });

  test("other white space is kept, a context's with the choice", async () => {
    const choices = [
      { context: "def f(x):\n", choices: ["x", "1"], answer: 0 },
      { context: "def f(x):", choices: ["\nx", "\n1"], answer: 0 },
    ];
    const [first, second] = await planned(choices, "multiple-choice");
    expect(first?.sequences).toEqual(second?.sequences);
  });

  test("an empty context is BOS alone, and without BOS refused", async () => {
    const rows = [{ context: "", choices: ["one", "two"], answer: 0 }];
    const [item] = await planned(rows, "multiple-choice");
    expect(item?.sequences.map(({ tokens: { length }, scored }) => length - scored)).toEqual([1, 1]);
    await expect(planned(rows, "multiple-choice", false)).rejects.toThrow(
      "row 0 has no token before what is scored with choice 0: give a context, or prepend_bos",
    );
  });

  test("the last word is what follows the last white space; white space at the end is left out", async () => {
    const [item, spaced] = await planned([{ text: house.text }, { text: `${house.text} \n` }], "last-word");
    expect(item).toEqual({ sequences: [{ tokens, scored: house.scored }], characters: [5], bytes: [5], answer: 0 });
    expect(spaced).toEqual(item);
  });
});

describe("is refused", () => {
  type Request = Partial<ExperimentRequestInput>;
  const refused = (rows: Record<string, unknown>[], task: string, more: Request = {}) =>
    refusalOf(laboratory, {
      kind: "benchmark",
      model: "gpt2",
      data: { rows },
      settings: { task },
      ...more,
    } as ExperimentRequestInput);
  const good = { context: "one two", choices: ["three", "four"], answer: 0 };

  test.each<[Record<string, unknown>, string, string]>([
    [{ text: "no context" }, "/data/rows/1/context", 'row 1 has no "context" that is a text'],
    [{ context: "a" }, "/data/rows/1/choices", 'row 1 has no "choices" that are a list of texts'],
    [{ ...good, choices: ["one"] }, "/data/rows/1/choices", "row 1 has 1 choice; at least 2 are needed"],
    [{ ...good, choices: ["one", " "] }, "/data/rows/1/choices", "row 1 has an empty choice, number 1"],
    [{ ...good, answer: 2 }, "/data/rows/1/answer", "row 1 has the answer 2, but choices 0 to 1"],
    [{ ...good, answer: "five" }, "/data/rows/1/answer", 'row 1 has the answer "five", which 0 of its choices are'],
    [{ ...good, answer: null }, "/data/rows/1/answer", 'row 1 has no "answer" that is a choice\'s number or text'],
  ])("multiple-choice: %j", async (row, pointer, detail) => {
    expect(await refused([good, row], "multiple-choice")).toMatchObject({ detail, errors: [{ pointer, detail }] });
  });

  test.each<[Record<string, unknown>, string, string]>([
    [{ words: "a b" }, "/data/rows/0/text", 'row 0 has no "text" that is a text'],
    [{ text: "  " }, "/data/rows/0/text", "row 0 has no word in it"],
    [{ text: " alone\n" }, "/data/rows/0/text", 'row 0 has one word only, "alone": nothing to predict it from'],
    [
      { text: "one two three ".repeat(60) },
      "/data/rows/0",
      "row 0 has 182 tokens (BOS included), more than the context of gpt2 holds, 96",
    ],
  ])("last-word: %#", async (row, pointer, detail) => {
    expect(await refused([row], "last-word")).toMatchObject({ detail, errors: [{ pointer, detail }] });
  });

  test("a number of tokens to cut to", async () => {
    expect(await refused([good], "multiple-choice", { tokens_per_text: 16 })).toMatchObject({
      errors: [{ pointer: "/tokens_per_text", detail: "this kind reads its texts whole: 16 tokens of each would not do" }],
    });
  });

  test("a text of a list, and a line of a data set, where they stand", async () => {
    const texts = { data: { texts: ["one two", "three"] } };
    expect(await refused([], "last-word", texts)).toMatchObject({ errors: [{ pointer: "/data/texts/1" }] });
    const bytes = Buffer.from('{"text":"one two"}\n{"words":2}\n');
    const there = await readDataset({
      name: "x",
      format: "jsonl",
      bytes: bytes.length,
      sha256: null,
      content: () => pieces(bytes, 9),
    });
    const reading = openLaboratory(CHECKPOINTS, { get: async () => there });
    const request = { kind: "benchmark", model: "gpt2", data: { dataset: "x" } } as const;
    expect(await refusalOf(reading, request)).toMatchObject({
      errors: [{ pointer: "/data/dataset", detail: 'row 1 has no "text" that is a text' }],
    });
  });

  test("token ids, which have no words", async () => {
    expect(await refused([], "last-word", { data: { tokens: [[1, 2]] } })).toMatchObject({
      errors: [{ pointer: "/data/tokens", detail: "this kind needs rows with fields of their own, not token ids" }],
    });
  });
});
