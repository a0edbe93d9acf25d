/** docs/experiments.md says what is so: of every kind its settings, and what a run of it gives. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { z } from "@hono/zod-openapi";
import { afterAll, describe, expect, it, test } from "vitest";
import { experimentBody, SETTING_FLAGS, TEXT_FLAGS } from "../../src/cli/experiment-request.ts";
import { parseFlags } from "../../src/cli/flags.ts";
import { KINDS_WITH_FIGURES } from "../../src/experiments/figures/registry.ts";
import { parquetOf } from "../../src/experiments/formats/parquet.ts";
import { notesOf } from "../../src/experiments/formats/parquet-columns.ts";
import { kindOf } from "../../src/experiments/kinds/index.ts";
import { TEXT_DEFAULTS } from "../../src/experiments/material.ts";
import { type ExperimentResult, MEAN_COLUMNS, QUANTILE_COLUMNS } from "../../src/experiments/result.ts";
import { ExperimentEvent } from "../../src/schemas/experiments/events.ts";
import { ExperimentState, ExperimentResult as WireResult } from "../../src/schemas/experiments/experiment.ts";
import { ABOUT_KINDS, titleOf } from "../../src/schemas/experiments/kinds.ts";
import { ExperimentRequest, type ExperimentRequestInput } from "../../src/schemas/experiments/request.ts";
import { EXPERIMENT_KINDS, type ExperimentKind, SETTINGS } from "../../src/schemas/experiments/settings.ts";
import { MAX_EXPERIMENT_TEXTS, MAX_EXPERIMENT_TOKENS } from "../../src/schemas/limits.ts";
import { openLaboratory, refusalOf, rowsWith } from "../support/experiments.ts";
import { CHECKPOINTS, readFixture } from "../support/fixtures.ts";
import { namesIn, PAGE, partOf, rowsOf, SECTIONS } from "./experiments-page.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

/** Texts of one token, four and endings in "e" for the fixtures' tokenizer. */
const WORDS = ["two", "and", "toe", "four", "bxyz", "to", "that", "in", "ite", "no", "fqkj", "ine", "it"];
const texts = Array.from({ length: 16 }, (_, text) =>
  Array.from({ length: 30 }, (_, i) => WORDS[(i * 7 + text * 5 + i * i) % WORDS.length]).join(" "),
);
const tokens = readFixture("gpt2").texts.map((text) => text.slice(0, 12));
const spans = Array.from({ length: 12 }, (_, i) => ({ text: `two ${"and ".repeat(i + 1)}four`, word: "four", label: i % 2 }));
const choices = [{ context: "two and", choices: ["four", "two"], answer: 0 }];
const delete0 = { first: [{ op: "delete" as const, layers: [0] }], second: [{ op: "delete" as const, layers: [1] }] };

/** What to ask, of a fixture, to see all that a kind gives. */
const REQUESTS: Readonly<Record<ExperimentKind, readonly object[]>> = {
  "layer-interventions": [{ data: { tokens } }],
  "attention-locality": [{ data: { tokens } }],
  "component-norms": [{ data: { tokens } }],
  "logit-lens": [{ data: { tokens } }],
  "neuron-census": [{}, { model: "llama" }, { model: "llama", data: { tokens } }],
  "subjoiner-heads": [{ data: { texts }, settings: { context_words: 4, max_words: 12 } }],
  "suffix-probe": [
    {
      data: { texts },
      settings: { suffix: "e", context_tokens: 8, kurtosis_above: 0, top: 2, min_examples: 10, max_examples: 40 },
    },
  ],
  cka: [{ data: { tokens } }],
  "layer-importance": [{ data: { tokens } }],
  "layer-repeat": [{ data: { tokens } }],
  "layer-schedules": [{ data: { tokens } }],
  "head-importance": [{ data: { tokens } }],
  variants: [{ data: { tokens }, settings: { variants: delete0, pairs: [["first", "second"]], per_token: true } }],
  benchmark: [
    { data: { texts: ["two and four", "and two"] } },
    { data: { rows: choices }, settings: { task: "multiple-choice" } },
  ],
  "span-probe": [{ data: { rows: spans }, settings: { folds: 2 } }],
  activations: [{ data: { tokens } }],
  stages: [{ data: { tokens }, settings: { permutations: 100, resamples: 100 } }],
};

const requestsOf = (kind: ExperimentKind) =>
  REQUESTS[kind].map((request) => ({ kind, model: "gpt2", ...request }) as ExperimentRequestInput);
const sectionOf = (kind: ExperimentKind) => SECTIONS.get(kind) ?? expect.unreachable(`there is no section ${kind}`);
/** As often as it takes, each once, in order. */
const union = (lists: readonly (readonly string[])[]) => [...new Set(lists.flat())];

test("every kind has a section, in order, under its title", () => {
  expect([...SECTIONS.keys()]).toEqual([...EXPERIMENT_KINDS]);
  for (const kind of EXPERIMENT_KINDS) expect(sectionOf(kind).title).toBe(titleOf(kind));
});

describe.each([...EXPERIMENT_KINDS])("%s", (kind) => {
  const { rows, words, request } = sectionOf(kind);

  it("has the settings of the schema, with their defaults", () => {
    const { properties = {}, required = [] } = z.toJSONSchema(SETTINGS[kind], { io: "input" }) as {
      properties?: Record<string, { default?: unknown }>;
      required?: string[];
    };
    const expected = Object.entries(properties).map(([name, { default: value }]) => {
      if (required.includes(name)) return `\`${name}\`, required`;
      return value === undefined ? `\`${name}\`, optional` : `\`${name}\` = \`${JSON.stringify(value).replaceAll(",", ", ")}\``;
    });
    expect([...rows.keys()].filter((first) => first.startsWith("`"))).toEqual(expected);
  });

  it("has the columns, statistics and headline numbers that a run gives", async () => {
    const results: ExperimentResult[] = [];
    for (const each of requestsOf(kind)) results.push(await laboratory.run(each));
    const columns = results.map(({ table }) => table.columns.map(({ name }) => name));
    const [first = []] = columns;
    for (const other of columns) expect(other).toEqual(first);
    const own = first.includes("statistic") ? first.slice(0, first.indexOf("statistic")) : first;
    expect(namesIn(rows.get(first.includes("statistic") ? "keys" : "columns"))).toEqual(own);
    const statistics = results.flatMap(({ table }) => table.rows.map(({ statistic }) => statistic as string));
    const quantiles = first.includes("q50");
    const said = namesIn(rows.get(quantiles ? "statistics, with quantiles" : "statistics"));
    expect([...said].sort()).toEqual(first.includes("statistic") ? union([statistics]).sort() : []);
    if (first.includes("statistic"))
      expect(first.slice(own.length)).toEqual([...MEAN_COLUMNS, ...(quantiles ? QUANTILE_COLUMNS : [])].map(({ name }) => name));
    expect(namesIn(rows.get("summary")).sort()).toEqual(union(results.map(({ summary }) => Object.keys(summary))).sort());
  });

  it("has the tables and files beside the result", async () => {
    const { tables = {}, files } = kindOf(kind);
    const named = Object.keys(tables).map((name) => `table \`${name}\``);
    expect([...rows.keys()].filter((first) => first.startsWith("table "))).toEqual(named);
    const studies = await Promise.all(requestsOf(kind).map(async (each) => (await laboratory.plan(each)).study));
    for (const [name, table] of Object.entries(tables)) {
      const columns = studies.filter((study) => table.has(study)).map((study) => table.columns(study).map((each) => each.name));
      expect(namesIn(rows.get(`table \`${name}\``))).toEqual(union(columns));
    }
    expect(rows.has("files")).toBe(files !== undefined);
  });

  it("says what it makes of texts of unequal lengths: keeps them, or reads all whole and refuses to be told", async () => {
    const said = rows.get("unequal texts") as string;
    const isWhole = ABOUT_KINDS[kind].texts.length === "whole";
    expect(said.startsWith("read whole")).toBe(isWhole);
    expect(/`tokens_per_text` and `short_texts` are refused/.test(said)).toBe(isWhole);
    const asked = requestsOf(kind).at(-1) as ExperimentRequestInput;
    const kept = laboratory.plan({ ...asked, short_texts: "keep" });
    if (isWhole) await expect(kept).rejects.toThrow("this kind reads its texts whole: it keeps every one as it is");
    else expect((await kept).study.data).not.toBeNull();
  });

  it("its request is one, and its command asks the same", () => {
    const parsed = ExperimentRequest.parse(request);
    expect(parsed.kind).toBe(kind);
    const { rows: given } = (request.data ?? {}) as { rows?: object[] };
    const file = join(mkdtempSync(join(tmpdir(), "experiments-")), "spans.jsonl");
    if (given) writeFileSync(file, given.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const line = parseFlags(
      words.map((word) => (word.endsWith(".jsonl") ? file : word)),
      { ...TEXT_FLAGS, ...SETTING_FLAGS },
    );
    expect(ExperimentRequest.parse(experimentBody(line))).toEqual(parsed);
  });
});

test("fields of a request, with their flags and defaults", () => {
  const part = partOf("Asking");
  const rows = rowsOf(part);
  const [one] = ExperimentRequest.options;
  expect([...rows.keys()].flatMap(namesIn).sort()).toEqual(Object.keys(one?.shape ?? {}).sort());
  const { short_texts, seed, settings } = ExperimentRequest.parse({ kind: "cka", model: "prose-6m" });
  for (const [name, value] of Object.entries({ short_texts, seed, settings }))
    expect(rows.get(`\`${name}\``)).toContain(`| \`${JSON.stringify(value)}\` |`);
  expect(rows.get("`texts`")).toContain(`| ${TEXT_DEFAULTS.texts} of a data set`);
  expect(rows.get("`tokens_per_text`")).toContain(`| ${TEXT_DEFAULTS.tokens}, or`);
  const flags = [...rows.values()].flatMap((row) =>
    Array.from((row.split("|")[0] ?? "").matchAll(/`--([a-z-]+)`/g), ([, flag]) => flag),
  );
  expect(flags.sort()).toEqual([...Object.keys(TEXT_FLAGS), ...Object.keys(SETTING_FLAGS)].sort());
  for (const limit of [MAX_EXPERIMENT_TEXTS, MAX_EXPERIMENT_TOKENS]) expect(part).toContain(limit.toLocaleString("en"));
  const [, body] = /-d '(\{.*?\})'/s.exec(part) ?? [];
  expect(ExperimentRequest.parse(JSON.parse(body as string)).kind).toBe("layer-interventions");
});

test("the kinds that read their texts whole", async () => {
  const whole: string[] = [];
  for (const kind of EXPERIMENT_KINDS) {
    const request = requestsOf(kind).at(-1) as ExperimentRequestInput;
    await laboratory.plan(request);
    const cut = await refusalOf(laboratory, { ...request, tokens_per_text: 8 }).catch(() => null);
    if (cut?.errors?.[0]?.pointer === "/tokens_per_text") whole.push(kind);
  }
  expect(namesIn(/kinds read their texts whole.*?\((.*?)\)/s.exec(PAGE)?.[1])).toEqual(whole);
});

test("fields of a result, states, events, figures", () => {
  const result = rowsOf(partOf("The result"));
  const fields = [...namesIn(result.get("made from")), ..."summary columns rows".split(" ")];
  expect(["id", ...fields]).toEqual(expect.arrayContaining(Object.keys(WireResult.shape)));
  expect([...result.keys()].flatMap(namesIn)).toEqual([
    "summary",
    "columns",
    "rows",
    ...[...MEAN_COLUMNS.slice(1), ...QUANTILE_COLUMNS].map(({ name }) => name),
  ]);
  const life = partOf("The life of a job");
  expect([...rowsOf(life).keys()].flatMap(namesIn)).toEqual(ExperimentState.options);
  for (const option of ExperimentEvent.options) expect(life).toContain(`\`${option.shape.type.value}\``);
  expect(EXPERIMENT_KINDS.filter((kind) => !KINDS_WITH_FIGURES.includes(kind))).toEqual(["activations"]);
  expect(partOf("Files")).toContain("Only `activations` has none.");
});

test("DuckDB reads the Parquet as the page says, and its notes are there", async () => {
  const files = partOf("Files");
  const [request] = requestsOf("layer-interventions");
  const result = await laboratory.run(request as ExperimentRequestInput);
  for (const { key } of notesOf(result.table.columns, result)) expect(files).toContain(`\`${key}\``);
  const path = join(mkdtempSync(join(tmpdir(), "experiments-")), "result.parquet");
  writeFileSync(path, parquetOf(result.table, result));
  const [, sql = ""] = /```sql\n(.*?)\n```/s.exec(files) ?? [];
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  try {
    const read = (await connection.runAndReadAll(sql.replace("result.parquet", path))).getRowObjects();
    expect(read).toEqual(
      rowsWith(result, { operation: "delete", statistic: "kl_nats" }).map(({ layer, mean, sem }) => ({
        ...{ layer: BigInt(layer as number), mean, sem },
      })),
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
});
