/** What the help says of kinds, read off their schemas. */
import { expect, test } from "vitest";
import { experimentCommand } from "../../src/cli/commands/experiment.ts";
import { experimentBody } from "../../src/cli/experiment-request.ts";
import { parseFlags } from "../../src/cli/flags.ts";
import { helpOf } from "../../src/cli/help.ts";
import { exampleOf, kindLines, noteLines, settingLines } from "../../src/cli/kind-help.ts";
import { makeView } from "../../src/cli/render/view.ts";
import { ABOUT_KINDS } from "../../src/schemas/experiments/kinds.ts";
import { ExperimentRequest } from "../../src/schemas/experiments/request.ts";
import { EXPERIMENT_KINDS, SETTINGS } from "../../src/schemas/experiments/settings.ts";

test("every kind has a line, and titles begin in one column", () => {
  const lines = kindLines();
  expect(lines.map((line) => line.trim().split(" ")[0])).toEqual([...EXPERIMENT_KINDS]);
  expect(new Set(lines.map((line) => line.search(/(?<= {2})[A-Z]/))).size).toBe(1);
});

test("no line is wider than 100 columns", () => {
  const all = [
    ...(experimentCommand.notes ?? []),
    ...EXPERIMENT_KINDS.flatMap((kind) => [...settingLines(kind), ...noteLines(kind)]),
  ];
  expect(all.filter((line) => line.length > 100)).toEqual([]);
});

test.each([...EXPERIMENT_KINDS])("%s: every setting is there, and says what it is", (kind) => {
  const lines = settingLines(kind);
  const named = lines.map((line) => /^ {2}(\w+) {2,}\S/.exec(line)?.[1]).filter((name) => name !== undefined);
  expect(named).toEqual(Object.keys(SETTINGS[kind].shape));
  for (const name of named) expect(lines[lines.findIndex((line) => line.startsWith(`  ${name} `)) + 1]).toMatch(/^ {6,}\S/);
});

test("values, bounds and defaults are the schema's", () => {
  expect(settingLines("span-probe")).toEqual([
    "What a probe reads at labelled spans (appendix).",
    "",
    "Settings (--set NAME=VALUE):",
    "  folds  2 to 20 (5)",
    "           Of the cross-validation: whole texts, by the experiment's seed.",
    "  c      over 0, to 1000000000 (1)",
    "           Inverse strength of the L2 penalty, as scikit-learn's C, on standardised",
    "           inputs.",
    "  pair   concatenate, difference (concatenate)",
    "           What a row of two spans gives: both streams side by side, or the size of their",
    "           difference, number by number.",
  ]);
  expect(settingLines("component-norms").at(-1)).toBe("It has no settings.");
  expect(settingLines("variants")).toContain("  variants   an object, required");
  expect(settingLines("head-importance")).toContain("  layers  a list, or { from, to }");
});

test("a kind's settings stand in the place of the list of kinds", () => {
  expect(experimentCommand.notesOn?.(["cka", "8"])?.[0]).toBe("How alike the layers are, by CKA (later versions).");
  expect(experimentCommand.notesOn?.([])).toBeNull();
});

const helpFor = (kind: string) => helpOf(experimentCommand, makeView(100, false), [kind]).join("\n");

test.each([...EXPERIMENT_KINDS])("%s: the flags that its help lists are those that it takes, with its own defaults", (kind) => {
  const help = helpFor(kind);
  const { length, usual, required } = ABOUT_KINDS[kind].texts;
  expect(help.includes("--tokens N")).toBe(length === "cut");
  expect(help.includes("--skip-short")).toBe(length === "cut");
  expect(help.includes("--keep-short")).toBe(length === "cut");
  expect(/--data NAME\|FILE.*\((.*)\)$/m.exec(help)?.[1]).toBe(usual ?? (required ? "required" : "none"));
  expect(help.includes("--figure FILE")).toBe(kind !== "activations");
  expect(help.includes("--files DIR")).toBe(kind === "activations");
});

test.each([...EXPERIMENT_KINDS])("%s: its example is a command line that can be sent", (kind) => {
  const words = exampleOf(kind).match(/'[^']*'|\S+/g) ?? [];
  const [, , named = "", ...args] = words.map((word) => word.replaceAll("'", "").replace("rows.jsonl", "spans"));
  expect(named).toBe(kind);
  const line = parseFlags([named, ...args], Object.assign({}, ...Object.values(experimentCommand.flags)));
  expect(ExperimentRequest.safeParse(experimentBody(line)).success).toBe(true);
});

test("what texts must have is said where the settings do not tell", () => {
  expect(helpFor("suffix-probe")).toMatch(
    /Every example has its full context: a place counts only where its own text has\ncontext_tokens/,
  );
  expect(helpFor("subjoiner-heads")).toMatch(/A word is a run of letters, and marks on them, after a space/);
  expect(helpFor("span-probe")).toMatch(/Layer -1 is the embedding .*\n.*\n.*\n.*accuracy can fall below chance there/);
});

test("texts that are needed and not named are asked for; what is said of none is refused", () => {
  const flags = Object.assign({}, ...Object.values(experimentCommand.flags));
  const body =
    (...args: string[]) =>
    () =>
      experimentBody(parseFlags(args, flags));
  expect(body("span-probe")).toThrow(
    "--data is missing: span-probe needs rows of its own; `stratascope experiment span-probe --help` says which.",
  );
  expect(body("neuron-census", "--skip-short")).toThrow(
    "--skip-short is of texts, and neuron-census takes none unless --data names them.",
  );
  expect(body("neuron-census", "--seed", "3")()).toEqual({ kind: "neuron-census", model: "prose-6m", seed: 3, settings: {} });
  expect(body("benchmark")()).toMatchObject({ data: { dataset: "last-word" } });
});
