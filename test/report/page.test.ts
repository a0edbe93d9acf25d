import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { PAPER_EXPERIMENTS } from "../../src/report/plan/catalogue.ts";
import { MIDDLE, resultOf, SMALL } from "../experiments/figures/results.ts";
import { wholeModel } from "./planted.ts";
import { filesIn, only, written } from "./written.ts";

/** What a report has that its page need not name. */
const PAGES = ["README.md", "index.html", "report.json"];

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

/** Places that a page links to and does not have. */
function lostPlaces(page: string): string[] {
  const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
  return [...page.matchAll(/href="#([^"]+)"/g)].flatMap(([, place = ""]) => (ids.has(place) ? [] : [place]));
}

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
  }, 180_000);

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
    expect(filesIn(report.folder)).toEqual([...own, ...PAGES].sort());
    expect(lostPlaces(report.page)).toEqual([]);
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
    const { page, folder } = await written([only(wholeModel(SMALL), "logit-lens", "logit-lens-frozen-norm")]);
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
    expect(filesIn(folder)).toEqual(
      [
        ...["figures/prose-6m/logit-lens-frozen-norm.svg", "figures/prose-6m/logit-lens.svg", ...PAGES],
        ...["tables/prose-6m/logit-lens-frozen-norm.csv", "tables/prose-6m/logit-lens.csv"],
      ].sort(),
    );
  });

  it.each(PAPER_EXPERIMENTS.map(({ id }) => id))("With %s alone every link leads somewhere", async (id) => {
    const { page } = await written([only(wholeModel(SMALL), id)]);
    expect(lostPlaces(page)).toEqual([]);
  });

  it("A sentence says where figures are only of those that are there", async () => {
    const lens = await written([only(wholeModel(SMALL), "logit-lens", "neuron-census")]);
    expect(lens.page).toContain(
      'The figures are those of <a href="#figure-neuron-census">the census</a> and <a href="#figure-logit-lens">the lens</a>.',
    );
    const schedules = await written([only(wholeModel(SMALL), "layer-interventions")]);
    expect(schedules.page).not.toContain("Figures of these");
  });

  it("says so where nothing could be measured", async () => {
    const { model } = wholeModel(SMALL);
    const { page } = await written([{ model, outcomes: new Map([["cka", { state: "refused", reason: "too few texts" }]]) }]);
    expect(misnested(page)).toBeNull();
    expect(page).toContain("Similarity of layers: not measured. The service’s reason: “too few texts”");
  });
});
