import { beforeAll, describe, expect, it } from "vitest";
import { PAPER_EXPERIMENTS } from "../../src/report/plan/catalogue.ts";
import { codeMd, inlineMd, plainMd } from "../../src/report/readme/inline.ts";
import { headingAnchor } from "../../src/report/readme/readme.ts";
import { em, lines, place, prose, verdict } from "../../src/report/text/inline.ts";
import { MIDDLE, SMALL } from "../experiments/figures/results.ts";
import { byLayer, modelOf, planted, wholeModel } from "./planted.ts";
import { COMMAND, filesIn, only, written } from "./written.ts";

const N = "\u202f";

/** Places and files that a page of Markdown links to and that are not there. */
function lost(readme: string, folder: string): string[] {
  const anchors = new Set([...readme.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => `#${headingAnchor(heading)}`));
  const files = filesIn(folder);
  return [...readme.matchAll(/\]\(([^)]+)\)/g)].flatMap(([, target = ""]) => {
    if (target.startsWith("https://")) return [];
    if (target.startsWith("#")) return anchors.has(target) ? [] : [target];
    return files.some((path) => path === target || path.startsWith(`${target}/`)) ? [] : [target];
  });
}

/** The cells of every row of every table. */
function tableRows(readme: string): number[][] {
  const blocks = readme.split("\n\n").filter((block) => block.startsWith("|"));
  return blocks.map((block) => block.split("\n").map((line) => line.split(/(?<!\\)\|/).length));
}

describe("Marked text as Markdown", () => {
  it("What Markdown would take for its own is escaped, and lines are joined", () => {
    expect(plainMd("a*b_c [d] `e` <f> g|h ~i $j &amp; k & l\nm")).toBe(
      "a\\*b\\_c \\[d\\] \\`e\\` \\<f> g\\|h \\~i \\$j &amp;amp; k & l m",
    );
    expect(codeMd("a")).toBe("`a`");
    expect(codeMd("a `b``")).toBe("``` a `b`` ```");
  });

  it("Marks, links and lines of a cell", () => {
    const text = prose`the ${em("lens")} of ${3}, ${place("x", "there")}`;
    expect(inlineMd(text, (id) => `#to-${id}`)).toBe("the *lens* of 3, [there](#to-x)");
    expect(inlineMd(lines(verdict("partly"), "3 of 4"), () => "")).toBe("**in part**<br>3 of 4");
  });

  it.each([
    ["Stage 1: detokenization", "stage-1-detokenization"],
    ["Table 1: are there four stages?", "table-1-are-there-four-stages"],
    ["What holds, claim by claim", "what-holds-claim-by-claim"],
  ])("The heading %s is found as %s", (heading, anchor) => {
    expect(headingAnchor(heading)).toBe(anchor);
  });
});

describe("The README of planted results", () => {
  const kept = { delete: [0.01, 0.8, 0.9, 0.7, 0.5], swap: [0.02, 0.9, 0.94, 0.3] };
  const interventions = planted(
    "layer-interventions",
    [
      ...byLayer("top1_agreement", kept.delete, { operation: "delete" }),
      ...byLayer("top1_agreement", kept.swap, { operation: "swap" }),
      ...byLayer("kl_nats", [6, 0.1, 0.2, 0.3, 0.9], { operation: "delete" }),
      ...byLayer("kl_nats", [5, 0.1, 0.2, 0.3], { operation: "swap" }),
    ],
    { layers: 5 },
  );

  it("says what was found, with its verdict, what counts, and how to make it again", async () => {
    const { readme } = await written([modelOf({ "layer-interventions": interventions })]);
    expect(readme.split("\n")[0]).toBe(
      "<!-- Made by stratascope paper from report.json and tables/; changes by hand are lost. -->",
    );
    expect(readme).toContain("\n# Stages of inference in prose-6m\n");
    expect(readme).toContain(
      "**prose-6m** bears out 3 of 3\u00a0claims, 0 more in part, and 0 not. One model proves nothing about others.",
    );
    expect(readme).toContain(
      `| Without a middle layer, or with two neighbours swapped, 72–95${N}% of the top predictions stay the same. | **shows**<br>80${N}% deleted, 92${N}% swapped |`,
    );
    expect(readme).toContain(
      `- *shows*: Deleting one middle layer keeps 70–90${N}% of the top predictions (80${N}% on average), swapping two neighbours 90–94${N}% (92${N}%).`,
    );
    expect(readme).toContain(
      `- **Without the first layer the model is lost.** Shown: of all deletions that of layer 0 diverges most, its 95${N}% interval above all others (in part: the means alone).`,
    );
    expect(readme).toContain("![Deleting and swapping layers, prose-6m](figures/prose-6m/layer-interventions.svg)");
    expect(readme.trimEnd().endsWith(`### To repeat it\n\n\`\`\`sh\n${COMMAND}\n\`\`\``)).toBe(true);
  });

  it("says where the beginning-of-text token stands, and by whose rule", async () => {
    const readmeOf = async (bos: { prepended: boolean; by: "convention" | "request" }) =>
      (await written([modelOf({ "layer-interventions": { ...interventions, bos } })])).readme;
    expect(await readmeOf({ prepended: true, by: "convention" })).toContain(
      "The beginning-of-text token stands first in every text, as in the paper, whatever a model’s own tokenizer does, and the prediction at its place is left out of every statistic.",
    );
    expect(await readmeOf({ prepended: true, by: "request" })).toContain(
      "The beginning-of-text token stands first in every text, and the prediction",
    );
    expect(await readmeOf({ prepended: false, by: "convention" })).toContain("No beginning-of-text token was put first.");
  });

  it("changes with the numbers", async () => {
    const { readme } = await written([modelOf({ "layer-interventions": interventions })]);
    const rows = interventions.table.rows.map((row) => (row.statistic === "top1_agreement" ? { ...row, mean: 0.5 } : row));
    const less = { ...interventions, table: { ...interventions.table, rows } };
    const other = await written([modelOf({ "layer-interventions": less })]);
    expect(other.readme).not.toBe(readme);
    expect(other.readme).toContain("- *does not show*: Deleting one middle layer keeps");
  });
});

describe("How far a report goes", () => {
  const sized = (texts: number, tokens: number | null) => {
    const [of, data] = [planted("layer-interventions", byLayer("kl_nats", [1, 2], { operation: "delete" })), "prose-heldout"];
    return { ...of, tokens_per_text: tokens, data: { dataset: data, sha256: "a".repeat(64), texts } };
  };

  it("says what was run as small as the command goes by itself", async () => {
    const { readme } = await written([
      modelOf({
        "layer-interventions": sized(8, 64),
        "layer-repeat": sized(16, 64),
        stages: sized(8, 64),
        benchmark: sized(40, null),
      }),
    ]);
    expect(readme).toContain(
      "### How far this goes\n\nprose-6m was run with as few texts × tokens as the command chooses by itself: 8 × 64 for layer-interventions and stages; 40 for benchmark. " +
        "Their intervals are wide; --texts and --tokens enlarge the experiments.",
    );
  });

  it("says nothing where all had more", async () => {
    const { readme } = await written([modelOf({ "layer-interventions": sized(64, 128), benchmark: sized(200, null) })]);
    expect(readme).not.toContain("How far this goes");
  });
});

describe("The README of whole reports", () => {
  const third = { ...MIDDLE, id: "org--third_model", layers: 20 };
  const reason = "the texts | have *few* <words>";
  let two: Awaited<ReturnType<typeof written>>;
  let three: Awaited<ReturnType<typeof written>>;

  beforeAll(async () => {
    const models = [wholeModel(SMALL, { "subjoiner-heads": { state: "refused", reason } }), wholeModel(MIDDLE)];
    two = await written(models);
    three = await written([...models, wholeModel(third)]);
  }, 180_000);

  it("Every link leads somewhere, and every table has as many cells in each row", () => {
    for (const { readme, folder } of [two, three]) {
      expect(lost(readme, folder)).toEqual([]);
      for (const cells of tableRows(readme)) expect(new Set(cells).size).toBe(1);
      expect(readme.match(/.{60}(?:NaN|undefined|\bnull\b|\[object)/g)).toBeNull();
    }
  });

  it("Figures of several models are shown, the others named", () => {
    expect(two.readme).toContain("![Deleting and swapping layers, all models](figures/layer-interventions.svg)");
    expect(two.readme).toContain(
      "Each by itself: [prose-6m](figures/prose-6m/layer-interventions.svg), [smollm2-135m-instruct-q4](figures/smollm2-135m-instruct-q4/layer-interventions.svg).",
    );
    const numbers = [...two.readme.matchAll(/\*\*Figure (\d+)\./g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(PAPER_EXPERIMENTS.map((_, i) => i + 1));
  });

  it("Reasons and names are escaped", () => {
    expect(two.readme).toContain(
      "Heads that join the tokens of a word: not measured on prose-6m. The service’s reason: “the texts \\| have \\*few\\* \\<words>”",
    );
    expect(three.readme).toContain("# Stages of inference in prose-6m, smollm2-135m-instruct-q4 and org--third\\_model\n");
  });

  it("Of three models nothing is said of two", () => {
    expect(two.readme).toContain("Two models prove nothing about others.");
    expect(three.readme).toContain("Three models prove nothing about others.");
    expect(three.readme).toContain("run on three models:");
    expect(three.readme).toMatch(/It does in [0-3] of 3 pairs of models: /);
  });

  it.each(PAPER_EXPERIMENTS.map(({ id }) => id))("With %s alone every link leads somewhere", async (id) => {
    const { readme, folder } = await written([only(wholeModel(SMALL), id)]);
    expect(lost(readme, folder)).toEqual([]);
  });
});
