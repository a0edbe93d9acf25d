/** Texts of unequal lengths, each taken as long as it is: nothing of one is cut, padded or counted for another. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { kindOf } from "../../src/experiments/kinds/index.ts";
import { pack, unpack } from "../../src/experiments/pack.ts";
import { planExperiment } from "../../src/experiments/planning.ts";
import type { ResultRow } from "../../src/experiments/result.ts";
import type { StoredInput } from "../../src/experiments/tally.ts";
import { modelsIn } from "../../src/runs/served-models.ts";
import { ABOUT_KINDS } from "../../src/schemas/experiments/kinds.ts";
import { ExperimentRequest, type ExperimentRequestInput } from "../../src/schemas/experiments/request.ts";
import { EXPERIMENT_KINDS, type ExperimentKind } from "../../src/schemas/experiments/settings.ts";
import { openLaboratory, refusalOf } from "../support/experiments.ts";
import { CHECKPOINTS, readFixture } from "../support/fixtures.ts";
import { type Reference, readReference } from "../support/reference.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

/** Of 4, 13 and 11 tokens and more, with the BOS that they begin with. */
const LENGTHS = [4, 13, 11, 2, 7];
const source = readFixture("gpt2").texts.flatMap((text) => [...text]);
const bos = source[0] as number;
const tokens = LENGTHS.map((length, text) => [bos, ...source.slice(3 + text, 2 + text + length)]);
const all = tokens.reduce((sum, { length }) => sum + length, 0);

const deletions = {
  first: [{ op: "delete" as const, layers: [0] }],
  last: [{ op: "ablate" as const, component: "attn", layers: [1], with: "zero", positions: [-1] }],
};
const SETTINGS: Readonly<Partial<Record<ExperimentKind, object>>> = {
  variants: { variants: deletions, pairs: [["first", "last"]], per_token: true },
  "head-importance": { with: { mean: { texts: ["two and four", "that no one"] } }, layers: [0, 2] },
  stages: { k: 1, permutations: 100, resamples: 100 },
  "attention-locality": { k: 3 },
};
const ask = (kind: ExperimentKind, texts: readonly (readonly number[])[], more: object = {}) =>
  ({
    ...{ kind, model: "gpt2", data: { tokens: texts }, prepend_bos: true, short_texts: "keep" },
    ...{ settings: SETTINGS[kind] ?? {} },
    ...more,
  }) as ExperimentRequestInput;

/** Kinds whose rows are means over observations of texts. */
const MEANS = EXPERIMENT_KINDS.filter(
  (kind) => ABOUT_KINDS[kind].texts.length === "cut" && !["neuron-census", "cka", "activations"].includes(kind),
);
/** Of the weights, or a ratio of means: not pooled. */
const NOT_POOLED = ["ratio_of_means", "prediction_share", "suppression_share", "partition_share", "kurtosis"];

const folder = mkdtempSync(join(tmpdir(), "stratascope-ragged-"));
let written = 0;
/** The one file of an experiment, read by the tests' own reader. */
async function fileOf(request: ExperimentRequestInput): Promise<Reference> {
  const outputs = await laboratory.outputs(request);
  expect(outputs).toHaveLength(1);
  const path = join(folder, `${written++}.safetensors`);
  writeFileSync(path, kindOf("activations").files?.bytes(unpack(outputs[0] as Uint8Array)) as Uint8Array);
  return readReference(path);
}

const keyOf = ({ mean: _m, std: _s, sem: _e, count: _c, ...row }: ResultRow) =>
  JSON.stringify(Object.entries(row).filter(([name]) => !/^q\d\d$/.test(name)));

describe.each(MEANS)("%s", (kind) => {
  it("its means are those of the texts alone, by their observations", async () => {
    const result = await laboratory.run(ask(kind, tokens));
    expect(result.tokens_per_text).toBeNull();
    expect(result.data).toMatchObject({ texts: LENGTHS.length, tokens: { least: 2, most: 13, all } });
    const alone = await Promise.all(
      tokens.map((text) => laboratory.run(ask(kind, [text], kind === "attention-locality" ? { settings: { k: 1 } } : {}))),
    );
    for (const [i, { tokens_per_text, data }] of alone.entries()) {
      expect(tokens_per_text).toBe(LENGTHS[i]);
      expect(data).not.toHaveProperty("tokens");
    }
    const parts = new Map<string, { count: number; sum: number }>();
    for (const { table } of alone)
      for (const row of table.rows) {
        const { count, sum } = parts.get(keyOf(row)) ?? { count: 0, sum: 0 };
        const own = row.count as number;
        parts.set(keyOf(row), { count: count + own, sum: sum + own * ((row.mean as number | null) ?? 0) });
      }
    const pooled = result.table.rows.filter(({ statistic }) => !NOT_POOLED.includes(statistic as string));
    expect(pooled.length).toBeGreaterThan(0);
    for (const row of pooled) {
      const part = parts.get(keyOf(row)) as { count: number; sum: number };
      expect(row.count, keyOf(row)).toBe(part.count);
      expect(row.count as number).toBeGreaterThan(0);
      const expected = part.sum / part.count;
      expect(Math.abs((row.mean as number) - expected), keyOf(row)).toBeLessThanOrEqual(1e-9 * Math.abs(expected) + 1e-12);
    }
  });
});

describe("kinds that look at each text's last token", () => {
  it("activations: the tensors are those of the texts alone, at their own places", async () => {
    const of = (texts: readonly (readonly number[])[], positions: unknown) =>
      fileOf(ask("activations", texts, { settings: { positions } }));
    for (const [positions, places] of [
      ["last", (length: number) => [length - 1]],
      [[-2, 0], (length: number) => (length === 2 ? [0] : [0, length - 2])],
      ["all", (length: number) => Array.from({ length }, (_, at) => at)],
    ] as const) {
      const together = await of(tokens, positions);
      const expected = tokens.flatMap((text, i) => places(text.length).map((at) => [i, at, text[at] as number]));
      expect(together.ids("index")).toEqual(expected.flat());
      const alone = await Promise.all(tokens.map((text) => of([text], positions)));
      for (const name of together.names().filter((each) => each !== "index"))
        expect([...together.values(name)], name).toEqual(alone.flatMap((file) => [...file.values(name)]));
    }
  });

  it("cka: the streams are those of the texts alone", async () => {
    type Output = { residuals: Float32Array };
    const of = async (texts: readonly (readonly number[])[]) =>
      (await laboratory.outputs(ask("cka", texts))).flatMap((bytes) => [...unpack<Output>(bytes).residuals]);
    const alone = await Promise.all(tokens.map((text) => of([text])));
    expect(await of(tokens)).toEqual(alone.flat());
  });
});

it("neuron-census: signs are of all texts' positions from 1 on", async () => {
  const texts = tokens.map((text) => text.slice(1));
  const kept = texts.filter(({ length }) => length > 1);
  const request = {
    kind: "neuron-census",
    model: "llama",
    data: { tokens: kept },
    prepend_bos: true,
    short_texts: "keep",
  } as const;
  const neurons = await laboratory.table(request as ExperimentRequestInput, "neurons");
  const settings = { sites: ["mlp_act"] };
  const file = await fileOf({ ...request, kind: "activations", settings } as ExperimentRequestInput);
  const index = file.ids("index");
  const width = file.shape("mlp_act.0")[1] as number;
  for (const { layer, neuron, mean_activation } of neurons) {
    const values = file.values(`mlp_act.${layer}`);
    const own = Array.from({ length: index.length / 3 }, (_, row) => row).filter((row) => index[3 * row + 1] !== 0);
    const mean = own.reduce((sum, row) => sum + (values[row * width + (neuron as number)] as number), 0) / own.length;
    expect(Math.abs((mean_activation as number) - Math.abs(mean))).toBeLessThan(1e-6);
  }
});

it("tokens of variants are told text by text", async () => {
  const rows = await laboratory.table(ask("variants", tokens), "tokens");
  expect(rows).toHaveLength(2 * (all - tokens.length));
  const alone = await Promise.all(tokens.map((text) => laboratory.table(ask("variants", [text]), "tokens")));
  expect(rows).toEqual(alone.flatMap((own, text) => own.map((row) => ({ ...row, text }))));
});

describe("what is refused", () => {
  const pointed = (pointer: string, detail: string) => ({ code: "invalid_request", errors: [{ pointer, detail }] });
  const unequal = { short_texts: "error" };

  it("unequal lengths, where nothing is said of them, with how they may be taken", async () => {
    for (const kind of ["activations", "logit-lens", "cka"] as const)
      expect(await refusalOf(laboratory, ask(kind, tokens.slice(0, 3), unequal))).toMatchObject(
        pointed(
          "/tokens_per_text",
          "the texts have from 4 (text 0) to 13 tokens (BOS included), and all are to be equally long. " +
            'Ask for tokens_per_text of 4 or fewer, pass over shorter ones with "short_texts": "skip", or take each as long as it is with "short_texts": "keep"',
        ),
      );
    const { study } = await laboratory.plan(ask("logit-lens", tokens.slice(0, 3), { ...unequal, tokens_per_text: 4 }));
    expect(study.tokensPerText).toBe(4);
  });

  it("texts of fewer than two tokens, and of none, by number", async () => {
    expect(await refusalOf(laboratory, ask("logit-lens", [tokens[0] as number[], [bos]]))).toMatchObject(
      pointed("/data/tokens/1", "text 1 has 1 token (BOS included), fewer than the least allowed, 2"),
    );
    const kinds = [...MEANS, "cka", "activations", "subjoiner-heads", "suffix-probe"] as const;
    for (const kind of kinds)
      for (const short_texts of ABOUT_KINDS[kind].texts.length === "whole" ? ["error"] : ["error", "keep"])
        expect(await refusalOf(laboratory, ask(kind, [], { data: { texts: ["two and", ""] }, short_texts }))).toMatchObject(
          pointed("/data/texts/1", "text 1 has 0 characters, fewer than the least allowed, 1"),
        );
    expect(await refusalOf(laboratory, ask("cka", [], { data: { rows: [{ text: "" }] } }))).toMatchObject(
      pointed("/data/rows/0/text", "text 0 has 0 characters, fewer than the least allowed, 1"),
    );
  });

  it("more offsets than the longest text has, and in stages than the shortest", async () => {
    expect(await refusalOf(laboratory, ask("attention-locality", tokens, { settings: { k: 13 } }))).toMatchObject(
      pointed("/settings/k", "13 offsets are more than texts of 13 tokens have, 12"),
    );
    expect(await refusalOf(laboratory, ask("stages", tokens, { settings: { k: 2 } }))).toMatchObject(
      pointed("/settings/k", "2 tokens before are more than texts of 2 tokens have, 1"),
    );
  });

  it("positions that a text has not, by its number", async () => {
    expect(await refusalOf(laboratory, ask("activations", tokens, { settings: { positions: [0, 5] } }))).toMatchObject(
      pointed("/settings/positions/1", "position 5 is out of range: text 0 has 4 tokens, so positions -4 to 3"),
    );
    const settings = { variants: { some: [{ op: "ablate", component: "attn", layers: [1], with: "zero", positions: [9] }] } };
    expect(await refusalOf(laboratory, ask("variants", tokens, { settings }))).toMatchObject({
      errors: [
        {
          pointer: "/settings/variants/some/0/positions/0",
          detail: "text 3: position 9 is out of range: the prompt has 2 tokens, so positions -2 to 1",
        },
      ],
    });
    const patch = { op: "patch", component: "resid_pre", layers: [1], positions: [-1], source: { tokens: tokens[2] } };
    expect(await refusalOf(laboratory, ask("variants", tokens, { settings: { variants: { some: [patch] } } }))).toMatchObject({
      errors: [
        {
          pointer: "/settings/variants/some/0/positions/0",
          detail: "text 1: position -1 does not exist in the source: the source has 11 tokens, so positions 0 to 10",
        },
      ],
    });
  });

  it("memory that the longest text needs, wherever it stands", async () => {
    const models = modelsIn(CHECKPOINTS);
    const long = Array.from({ length: 32 }, (_, i) => source[i % source.length] as number);
    const short = Array.from({ length: 40 }, () => [bos, 5, 6]);
    const datasets = { get: () => expect.unreachable() };
    const plan = (texts: number[][], maxRunMemoryBytes: number) =>
      planExperiment(ExperimentRequest.parse(ask("layer-interventions", texts)), { models, datasets, maxRunMemoryBytes });
    const { inputs } = await plan([...short, long], 2 ** 30);
    expect(inputs.length).toBeGreaterThan(1);
    const needs = async (texts: number[][]) => {
      const { message } = await plan(texts, 1).then(
        () => expect.unreachable(),
        (error: Error) => error,
      );
      return Number(/(\d+) bytes/.exec(message.replaceAll(",", ""))?.[1]);
    };
    expect(await needs([...short, long])).toBe(await needs([long]));
    expect(await needs(short)).toBeLessThan(await needs([long]));
  });
});

it("chunks of texts are no larger than before, whatever the lengths", async () => {
  const { inputs } = await laboratory.plan(
    ask(
      "logit-lens",
      Array.from({ length: 80 }, (_, i) => tokens[i % 5] as number[]),
    ),
  );
  const chunks = inputs.map((input) => unpack<StoredInput>(input).input as { first: number; texts: Int32Array[] });
  expect(chunks.map(({ first }) => first)).toEqual([0, 32, 64]);
  expect(pack(chunks.flatMap(({ texts }) => texts.map((text) => [...text])))).toEqual(
    pack(Array.from({ length: 80 }, (_, i) => tokens[i % 5])),
  );
});
