/** The parts of `npm run docs`: what is shown of a stream and of results, and where it is put. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { certifiedInWords } from "../../scripts/docs/certified.ts";
import { folded, timeless, upTo, without } from "../../scripts/docs/excerpt.ts";
import { findingOf, plainSpaced } from "../../scripts/docs/findings.ts";
import { blocksIn, requestIn, withBlock, withFinding } from "../../scripts/docs/page.ts";
import { commandIn } from "../../scripts/docs/pictures.ts";
import { spansIn, spansInWords } from "../../scripts/docs/spans.ts";
import { excerptsOf } from "../../scripts/docs/stream-excerpts.ts";
import { EXPERIMENT_KINDS } from "../../src/schemas/experiments/settings.ts";
import { resultOf, SMALL } from "../experiments/figures/results.ts";
import { planted } from "../report/planted.ts";

describe("Excerpts", () => {
  const json = '{"type":"done","seq":64,"run_id":"01a","timing_ms":{"queue":24.4,"tokenize":1e-3},"list":[1,2],"kl":0.5}';

  it("end after a value, leave out a middle, and say so", () => {
    expect(upTo(json, "seq")).toBe('{"type":"done","seq":64, …');
    expect(upTo(json, "tokenize")).toBe('{"type":"done","seq":64,"run_id":"01a","timing_ms":{"queue":24.4,"tokenize":1e-3 …');
    expect(without(json, "seq", "list")).toBe('{"type":"done","seq":64, … "list":[1,2],"kl":0.5}');
    expect(() => upTo(json, "nothing")).toThrow("there is no nothing in");
    expect(() => without(json, "kl", "seq")).toThrow("there is no seq after kl in");
  });

  it("have no values that differ from run to run", () => {
    expect(timeless(json, "run_id", "queue")).toContain('"run_id":"…","timing_ms":{"queue":…,"tokenize":1e-3}');
  });

  it("are broken between fields", () => {
    expect(folded('{"a":1,"b":"c, d","e":2}', 16)).toBe('{"a":1,\n"b":"c, d",\n"e":2}');
    expect(folded('{"a":1}')).toBe('{"a":1}');
  });

  it("of a stream: the first, the last layer of the variant, the result, the end", () => {
    const events = [
      { type: "meta", run_id: "01a", model: { id: "m", family: "gpt2" } },
      { type: "layer", variant: "baseline", norms: [{ attn_out: 1, mlp_out: 2, resid: 3 }] },
      { type: "layer", variant: "intervened", layer: 0, norms: [{ attn_out: 4, mlp_out: 5, resid: 6 }] },
      { type: "layer", variant: "intervened", layer: 1, norms: [{ attn_out: 7, mlp_out: 8, resid: 9 }] },
      { type: "layer", variant: "baseline", norms: [{ attn_out: 1, mlp_out: 2, resid: 3 }] },
      { type: "result", seq: 6, outputs: [], comparison: [{ kl_nats: 0.25 }] },
      { type: "done", run_id: "01a", timing_ms: { queue: 1.5, tokenize: 2.5, total: 4 } },
    ];
    const stream = events.map((event, i) => `id: ${i + 1}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
    expect(excerptsOf(stream)).toBe(
      [
        'id: 1\nevent: meta\ndata: {"type":"meta","run_id":"…","model":{"id":"m", …',
        'id: 4\nevent: layer\ndata: {"type":"layer","variant":"intervened","layer":1,"norms":[{"attn_out":7,"mlp_out":8, …',
        'id: 6\nevent: result\ndata: {"type":"result","seq":6, … "comparison":[{"kl_nats":0.25}]}',
        'id: 7\nevent: done\ndata: {"type":"done","run_id":"…","timing_ms":{"queue":…,"tokenize":…, …',
      ].join("\n\n"),
    );
    expect(() => excerptsOf("")).toThrow("the stream has no event of the type meta");
  });
});

describe("Places of a page", () => {
  const page =
    'a\n<!-- made: x -->\n1\n2\n<!-- /made -->\nb\n### cka\n| keys | k |\n| prose-6m | old |\n\n# { "kind": "cka" }\n### last\n';

  it("A block is replaced, and nothing else; signs of replacements are text", () => {
    expect(blocksIn(page)).toEqual(["x"]);
    expect(withBlock(page, "x", "$& new")).toBe(page.replace("1\n2", () => "$& new"));
    expect(() => withBlock(page, "y", "")).toThrow("no page has the block y");
  });

  it("A row of a kind's section is replaced", () => {
    expect(requestIn(page, "cka")).toEqual({ kind: "cka" });
    expect(withFinding(page, "cka", "new $1")).toBe(page.replace("old", () => "new $1"));
    expect(() => withFinding(page, "last", "new")).toThrow("the section last has no row for prose-6m");
    expect(() => withFinding(page, "none", "new")).toThrow("the page has no section none");
    expect(() => requestIn(page, "last")).toThrow("the section last has no request");
  });
});

describe("Findings", () => {
  it.each([
    "layer-interventions",
    "attention-locality",
    "component-norms",
    "logit-lens",
    "neuron-census",
    "cka",
    "head-importance",
  ])("of %s are sentences with numbers", (kind) => {
    expect(plainSpaced(findingOf(resultOf(kind, SMALL)))).toMatch(/^[A-Z].*\d.*\.$/s);
  });

  it("of kinds that the report does not have", () => {
    const variants = planted(
      "variants",
      [
        { variant: "no attention", statistic: "kl_nats", mean: 0.06 },
        { variant: "no MLP", statistic: "kl_nats", mean: 0.03 },
        { variant: "the difference", statistic: "kl_nats", mean: 0.03 },
      ],
      { settings: { variants: { "no attention": [], "no MLP": [] } } },
    );
    expect(plainSpaced(findingOf(variants))).toBe(
      "The predictions diverge by 0.0600 nats with “no attention” and 0.0300 nats with “no MLP”.",
    );
    const activations = planted("activations", [], {
      summary: { files: 1, activations: 512, bytes: 3_901_000 },
      settings: { sites: ["mlp_act", "resid_post"], layers: [0, 11] },
    });
    expect(plainSpaced(findingOf(activations))).toBe("512 activations of four tensors, 3.9 MB in one file.");
    expect(() => findingOf(planted("cka", []))).toThrow("nothing is said of cka");
  });

  it("Spans are beginnings of sentences up to the first “to”, by what follows it", () => {
    const rows = spansIn(['"I go to the sea." He wants to be there, to the end. They went to bed.', "What is to be done?"]);
    expect(rows).toEqual([
      { text: '"I go to', span: [6, 8], label: "the" },
      { text: "He wants to", span: [9, 11], label: "be" },
      { text: "What is to", span: [8, 10], label: "be" },
    ]);
    expect(spansInWords(rows)).toBe(
      "At “to” in 3 beginnings of sentences from prose-heldout, whether “the” or “be” follows (the majority has 67 %).",
    );
  });

  it("A certificate: the largest error, and the untouched model's", () => {
    const row = (name: string, error: number, group = "reference") => ({ group, name, error, worst: null });
    const checks = [row("laws", 1, "laws"), row("logits", 2.1e-6), row("delete", 8.84e-5)];
    expect(certifiedInWords("m", { verdict: "passed", checks })).toBe(
      "`m` passed, with 8.8e-5 at most, of `delete`, of the untouched model’s logits 2.1e-6",
    );
    expect(() => certifiedInWords("m", { verdict: "passed", checks: [] })).toThrow("the certificate of m has no rows");
  });
});

describe("The pages have places for what is made", () => {
  it("blocks, a row of each kind, and commands of pictures", () => {
    expect(blocksIn(readFileSync("README.md", "utf8"))).toEqual(["stream"]);
    expect(blocksIn(readFileSync("docs/certify.md", "utf8"))).toEqual(["certified"]);
    const page = readFileSync("docs/experiments.md", "utf8");
    expect(blocksIn(page)).toEqual(["result-row"]);
    for (const kind of EXPERIMENT_KINDS) expect(withFinding(page, kind, "new")).toContain("| prose-6m | new |");
    expect(commandIn(readFileSync("docs/demo.svg", "utf8"))).toEqual([
      "run",
      "She opened the door and looked into the",
      "--delete",
      "5",
    ]);
    expect(commandIn(readFileSync("docs/sweep.svg", "utf8"))[0]).toBe("sweep");
  });
});
