import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderOf } from "../../src/report/folder/files.ts";
import { checkFolder, writeReport } from "../../src/report/folder/write.ts";
import { html, joined } from "../../src/report/page/html.ts";
import { PAPER_EXPERIMENTS } from "../../src/report/plan/catalogue.ts";
import type { ModelOutcomes } from "../../src/report/results/outcome.ts";
import { change, counted, estimate, grouped, layerList, measure, percent, percentRange } from "../../src/report/text/numbers.ts";
import { MIDDLE, resultOf, SMALL } from "../experiments/figures/results.ts";
import { wholeModel } from "./planted.ts";

const N = "\u202f";
const folders: string[] = [];
const ABOUT = { command: "stratascope paper a b" };

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "stratascope-report-"));
  folders.push(folder);
  return folder;
}

async function written(models: readonly ModelOutcomes[], folder = newFolder()) {
  const page = await writeReport(folder, models, ABOUT);
  return { folder, page: readFileSync(page, "utf8") };
}

/** Every file of a folder, by its path in it. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort();
}

const VOID = new Set(["meta", "img", "link", "br", "hr"]);

/** What is wrong with the nesting of a page's elements; null: nothing. */
function misnested(page: string): string | null {
  const open: string[] = [];
  for (const [tag, closing, name = "", selfClosing] of page
    .replace(/<!doctype html>/, "")
    .matchAll(/<(\/?)([a-z][a-z0-9]*)[^<>]*?(\/?)>/g)) {
    if (closing === "") {
      if (!VOID.has(name) && selfClosing === "") open.push(name);
    } else if (open.pop() !== name) return `${tag} closes no ${name}`;
  }
  return open.length === 0 ? null : `${open.join(" ")} stay open`;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe("html", () => {
  it("escapes whatever is not HTML already, and only once", () => {
    const inner = html`<b>${'a & "b" <c>'}</b>`;
    expect(html`<p title="${"it's"}">${inner}${[1, " < ", null, false, undefined]}</p>`.text).toBe(
      '<p title="it&#39;s"><b>a &amp; &quot;b&quot; &lt;c&gt;</b>1 &lt; </p>',
    );
    expect(joined(["<", html`<i></i>`], ", ").text).toBe("&lt;, <i></i>");
    expect(html`${"a\u0000\ud800b"}`.text).toBe("a\ufffd\ufffdb");
  });
});

describe("Numbers in sentences", () => {
  it.each([
    [percent(0.831), `83${N}%`],
    [percent(0.0042), `0.4${N}%`],
    [percent(0.00001), `<${N}0.1${N}%`],
    [percent(0), `0${N}%`],
    [percentRange(0.681, 0.914), `68–91${N}%`],
    [percentRange(0.681, 0.684), `68${N}%`],
    [measure(0.041234), "0.0412"],
    [measure(-12.345), "−12.3"],
    [measure(1234.5), "1235"],
    [measure(0.0000123), `1.2${N}×${N}10⁻⁵`],
    [measure(0), "0"],
    [change(0.5), "+0.500"],
    [change(-0.5), "−0.500"],
    [estimate(0.3138, 0.01054), `0.314${N}±${N}0.021`],
    [estimate(12.3, null), "12.3"],
    [counted(1, "layer"), "one\u00a0layer"],
    [counted(9216, "neuron"), `9${N}216\u00a0neurons`],
    [grouped(49152), `49${N}152`],
    [grouped(768), "768"],
    [layerList([8, 1, 2, 9, 10, 6]), "layers\u00a01, 2, 6 and 8–10"],
    [layerList([4]), "layer\u00a04"],
  ])("%s", (said, expected) => {
    expect(said).toBe(expected);
  });
});

describe("A report of two models", () => {
  const reason = 'the texts have 3 words of exactly 4 tokens & "few" <others>.';
  const three = resultOf("attention-locality", { ...MIDDLE, id: '<i>smol</i> & "co"' }, { settings: { k: 3 } });
  const models = [
    wholeModel(SMALL, { "subjoiner-heads": { state: "refused", reason }, cka: { state: "failed", reason: "it ended" } }),
    wholeModel(
      { ...MIDDLE, id: '<i>smol</i> & "co"' },
      { "attention-locality": { state: "completed", result: three, refused: [] } },
    ),
  ];
  let report: Awaited<ReturnType<typeof written>>;

  beforeAll(async () => {
    report = await written(models);
  });

  it("is well formed, and has no scripts", () => {
    expect(misnested(report.page)).toBeNull();
    expect(report.page.match(/<script|javascript:| on[a-z]+=/)).toBeNull();
  });

  it("escapes names and reasons", () => {
    expect(report.page).not.toContain("<i>smol");
    expect(report.page).toContain("<h1>Stages of inference in prose-6m and &lt;i&gt;smol&lt;/i&gt; &amp; &quot;co&quot;</h1>");
    expect(report.page).toContain(
      "Heads that join the tokens of a word: not measured on prose-6m. The service’s reason: “the texts have 3 words of exactly 4 tokens &amp; &quot;few&quot; &lt;others&gt;.”",
    );
    expect(report.page).toContain("Similarity of layers: failed on prose-6m. The service’s reason: “it ended”");
  });

  it("Every file that it names is there, every place in it too, and nothing else lies in the folder", () => {
    const named = new Set([...report.page.matchAll(/(?:href|src)="([^"#]+)"/g)].map(([, target = ""]) => decodeURI(target)));
    const own = [...named].filter((target) => !target.startsWith("https://")).sort();
    expect(filesIn(report.folder)).toEqual([...own, "index.html"].sort());
    const ids = new Set([...report.page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    for (const [, place = ""] of report.page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(place);
  });

  it("has a figure of each experiment and model, and one of both; a table of each", () => {
    const figures = filesIn(join(report.folder, "figures"));
    const kinds = PAPER_EXPERIMENTS.length;
    expect(figures.filter((path) => path.startsWith("prose-6m/"))).toHaveLength(kinds - 2);
    expect(figures.filter((path) => path.startsWith("-i-smol"))).toHaveLength(kinds);
    expect(figures.filter((path) => !path.includes("/"))).toHaveLength(kinds - 2);
    expect(filesIn(join(report.folder, "tables"))).toHaveLength(2 * kinds - 2);
  });

  it("All figures together stay below 3 MB", () => {
    const bytes = filesIn(join(report.folder, "figures")).reduce(
      (sum, path) => sum + statSync(join(report.folder, "figures", path)).size,
      0,
    );
    expect(bytes).toBeLessThan(3e6);
  });

  it("numbers its figures without a gap, and leaves no number empty", () => {
    const numbers = [...report.page.matchAll(/<b>Figure (\d+)\./g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    expect(numbers).toHaveLength(PAPER_EXPERIMENTS.length);
    expect(report.page.match(/.{60}(?:NaN|undefined|\bnull\b|\[object)/g)).toBeNull();
  });

  it("says what each experiment was made from, and where models differ in it", () => {
    expect(report.page).toContain(
      '<th scope="row">attention-locality</th><td class="number">64 × 128</td><td class="number">64 × 128</td><td>k 5 / 3</td>',
    );
    expect(report.page).toContain('<th scope="row">subjoiner-heads</th><td class="number">–</td>');
  });

  it("The tables are those of the results", () => {
    const csv = readFileSync(join(report.folder, "tables/prose-6m/layer-interventions.csv"), "utf8");
    expect(csv.split("\r\n")[0]).toBe("operation,layer,statistic,mean,std,sem,count,q05,q25,q50,q75,q95");
  });
});

describe("A report of one model", () => {
  it("leaves out what was not asked for, and names nobody", async () => {
    const { outcomes, model } = wholeModel(SMALL);
    const some = new Map([...outcomes].filter(([id]) => id === "logit-lens" || id === "logit-lens-frozen-norm"));
    const { page, folder } = await written([{ model, outcomes: some }]);
    expect(misnested(page)).toBeNull();
    expect([...page.matchAll(/<section id="([^"]+)"/g)].map(([, id]) => id)).toEqual([
      "summary",
      "stage-2",
      "stage-3",
      "stage-4",
      "methods",
    ]);
    expect(page).not.toContain("Above: all models");
    expect(page).not.toContain("<b>prose-6m.</b>");
    expect(filesIn(folder)).toEqual([
      ...["figures/prose-6m/logit-lens-frozen-norm.svg", "figures/prose-6m/logit-lens.svg", "index.html"],
      ...["tables/prose-6m/logit-lens-frozen-norm.csv", "tables/prose-6m/logit-lens.csv"],
    ]);
  });

  it("says so where nothing could be measured", async () => {
    const { model } = wholeModel(SMALL);
    const { page } = await written([{ model, outcomes: new Map([["cka", { state: "refused", reason: "too few texts" }]]) }]);
    expect(misnested(page)).toBeNull();
    expect(page).toContain("Similarity of layers: not measured. The service’s reason: “too few texts”");
  });

  it("is the same, byte for byte, of the same results", async () => {
    const [first, second] = [await written([wholeModel(SMALL)]), await written([wholeModel(SMALL)])];
    const contents = ({ folder }: typeof first) =>
      filesIn(folder).map((path) => [path, readFileSync(join(folder, path), "utf8")]);
    expect(contents(first)).toEqual(contents(second));
  });
});

describe("The folder", () => {
  it("An earlier report is replaced whole; what is no report is left alone", async () => {
    const { folder } = await written([wholeModel(SMALL)]);
    const { outcomes, model } = wholeModel(MIDDLE);
    await written([{ model, outcomes: new Map([...outcomes].filter(([id]) => id === "cka")) }], folder);
    expect(filesIn(folder)).toEqual([`figures/${MIDDLE.id}/cka.svg`, "index.html", `tables/${MIDDLE.id}/cka.csv`]);
    const other = newFolder();
    checkFolder(other);
    writeFileSync(join(other, "thesis.tex"), "");
    expect(() => checkFolder(other)).toThrow(
      `--out ${other} holds other files than a report (thesis.tex); name an empty folder.`,
    );
    writeFileSync(join(other, "index.html"), "<!doctype html><p>mine</p>");
    expect(() => checkFolder(other)).toThrow("holds other files than a report");
  });

  it.each([
    ["org--name", "org--name"],
    ["../up", "--up"],
    ["a b/ç", "a-b-"],
  ])("a model named %s has the folder %s", (id, folder) => {
    expect(folderOf(id)).toBe(folder);
  });
});
