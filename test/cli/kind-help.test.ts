/** What the help says of kinds, read off their schemas. */
import { expect, test } from "vitest";
import { experimentCommand } from "../../src/cli/commands/experiment.ts";
import { kindLines, settingLines } from "../../src/cli/kind-help.ts";
import { EXPERIMENT_KINDS, SETTINGS } from "../../src/schemas/experiments/settings.ts";

test("every kind has a line, and titles begin in one column", () => {
  const lines = kindLines();
  expect(lines.map((line) => line.trim().split(" ")[0])).toEqual([...EXPERIMENT_KINDS]);
  expect(new Set(lines.map((line) => line.search(/(?<= {2})[A-Z]/))).size).toBe(1);
});

test("no line is wider than 100 columns", () => {
  const all = [...(experimentCommand.notes ?? []), ...EXPERIMENT_KINDS.flatMap(settingLines)];
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
