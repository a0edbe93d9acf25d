import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { foreignFiles, readReport, writeReport } from "../../src/report/folder/folder.ts";
import { folderOf } from "../../src/report/results/outcome.ts";
import { MIDDLE, SMALL } from "../experiments/figures/results.ts";
import { wholeModel } from "./planted.ts";
import { COMMAND, contentsOf, filesIn, newFolder, only, written } from "./written.ts";

const PAGES = ["README.md", "index.html", "report.json"];

describe("Writing", () => {
  it("The same results are the same bytes, whatever the experiments were called", async () => {
    const named = (name: string) => {
      const { model, outcomes } = only(wholeModel(SMALL), "cka", "logit-lens", "benchmark");
      const renamed = [...outcomes].map(([id, outcome]) => {
        return [id, outcome.state === "completed" ? { ...outcome, result: { ...outcome.result, id: name } } : outcome] as const;
      });
      return { model, outcomes: new Map(renamed) };
    };
    const [first, second] = [await written([named("a")]), await written([named("b")])];
    expect(contentsOf(first.folder)).toEqual(contentsOf(second.folder));
  });

  it("An earlier report is replaced whole", async () => {
    const { folder } = await written([only(wholeModel(SMALL), "cka", "stages")]);
    await written([only(wholeModel(MIDDLE), "cka")], folder);
    expect(filesIn(folder)).toEqual([`figures/${MIDDLE.id}/cka.svg`, ...PAGES, `tables/${MIDDLE.id}/cka.csv`].sort());
  });

  it("What is no report is left alone, and named", async () => {
    const other = newFolder();
    expect(foreignFiles(other)).toEqual([]);
    expect(foreignFiles(join(other, "new"))).toEqual([]);
    writeFileSync(join(other, "thesis.tex"), "");
    expect(foreignFiles(other)).toEqual(["thesis.tex"]);
    writeFileSync(join(other, "index.html"), "<!doctype html><p>mine</p>");
    expect(foreignFiles(other)).toEqual(["index.html", "thesis.tex"]);
    await expect(writeReport(other, { models: [only(wholeModel(SMALL), "cka")], command: COMMAND })).rejects.toThrow(
      `${other} holds other files than a report: index.html, thesis.tex.`,
    );
    expect(filesIn(other)).toEqual(["index.html", "thesis.tex"]);
  });

  it("A README that somebody wrote beside a report is not lost", async () => {
    const { folder } = await written([only(wholeModel(SMALL), "cka")]);
    expect(foreignFiles(folder)).toEqual([]);
    writeFileSync(join(folder, "README.md"), "# My notes\n");
    expect(foreignFiles(folder)).toEqual(["README.md"]);
  });

  it.each([
    ["org--name", "org--name"],
    ["../up", "--up"],
    ["a b/ç", "a-b-"],
  ])("a model named %s has the folder %s", (id, folder) => {
    expect(folderOf(id)).toBe(folder);
  });
});

describe("Reading", () => {
  const reason = 'too few words, or "fewer" & <none>';
  const kinds = ["subjoiner-heads", "cka", "logit-lens", "stages", "neuron-census"] as const;
  const missing = { "subjoiner-heads": { state: "refused", reason }, cka: { state: "failed", reason: "it ended" } } as const;
  const models = [only(wholeModel(SMALL, missing), ...kinds), only(wholeModel(MIDDLE), ...kinds)];

  it("A report that is read and written again is the same, byte for byte", async () => {
    const { folder } = await written(models);
    const before = contentsOf(folder);
    const read = await readReport(folder);
    expect(read.command).toBe(COMMAND);
    expect(read.models.map(({ model }) => model)).toEqual(models.map(({ model }) => model));
    await writeReport(folder, read);
    expect(contentsOf(folder)).toEqual(before);
  });

  it("What is missing or broken is named", async () => {
    const { folder } = await written([only(wholeModel(SMALL), "cka")]);
    await expect(readReport(newFolder())).rejects.toThrow(/ holds no report: there is no report\.json in it\.$/);
    const table = join(folder, "tables/prose-6m/cka.csv");
    writeFileSync(table, "layer,statistic\r\n1,cka\r\n");
    await expect(readReport(folder)).rejects.toThrow(
      /^tables\/prose-6m\/cka\.csv has the columns layer,statistic; layer,other_layer,statistic,mean,std,sem,count.* are expected\.$/,
    );
    rmSync(table);
    await expect(readReport(folder)).rejects.toThrow(`The report in ${folder} lacks its table tables/prose-6m/cka.csv.`);
    writeFileSync(join(folder, "report.json"), '{"command": 3, "models": []}');
    await expect(readReport(folder)).rejects.toThrow(/^report\.json is no report of this version: command: .*string/);
    writeFileSync(join(folder, "report.json"), "{");
    await expect(readReport(folder)).rejects.toThrow(/^report\.json is no JSON: /);
  });
});
