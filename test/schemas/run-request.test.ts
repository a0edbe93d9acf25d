import { describe, expect, it } from "vitest";
import { RunRequest } from "../../src/schemas/run-request.ts";
import { TokenizeRequest } from "../../src/schemas/tokenize.ts";
import { complaints } from "./help.ts";

const base = { model: "prose-6m", prompt: "The cat" };
const run = (more: object) => complaints(RunRequest, { ...base, ...more });

describe("RunRequest", () => {
  it("Fills in the defaults", () => {
    expect(RunRequest.parse(base)).toEqual({
      ...base,
      baseline: true,
      readout: { positions: "last", layers: "all", top_k: 10, lens: "standard", targets: [] },
    });
  });

  it("Takes the example of the documentation as it stands", () => {
    const example = {
      ...base,
      prepend_bos: true,
      interventions: [
        { op: "delete", layers: [5] },
        { op: "swap", layers: [2, 3] },
        { op: "ablate", component: "head", layers: [1], heads: [6], with: "zero" },
      ],
      baseline: true,
      readout: { positions: "last", layers: "all", top_k: 10, lens: "standard", targets: [" Paris", " Rome"] },
      capture: ["norms"],
    };
    expect(RunRequest.parse(example)).toMatchObject(example);
  });

  it("Wants either a prompt or tokens", () => {
    expect(run({ tokens: [1] })).toEqual(["/tokens: give either prompt or tokens, not both"]);
    expect(complaints(RunRequest, { model: "m" })).toEqual([
      "/prompt: is required: a prompt, or tokens or messages in its place",
    ]);
    expect(complaints(TokenizeRequest, { text: "a", ids: [1] })).toEqual(["/ids: give either text or ids, not both"]);
    const messages = [{ role: "user", content: "a" }];
    expect(run({ messages })).toEqual(["/messages: give either prompt or messages, not both"]);
    expect(complaints(RunRequest, { model: "m", tokens: [1], messages })).toEqual([
      "/messages: give either tokens or messages, not both",
    ]);
    expect(run({ add_generation_prompt: true, template_arguments: {} })).toEqual([
      "/add_generation_prompt: is for messages, and none are given",
      "/template_arguments: is for messages, and none are given",
    ]);
    expect(complaints(RunRequest, { model: "m", messages: [] })).toEqual([
      "/messages: a list of 0 is less than the least allowed, 1",
    ]);
    expect(complaints(TokenizeRequest, {})).toEqual(["/text: is required: a text, or ids or messages in its place"]);
  });

  it("Wants one of interventions, variants and sweep", () => {
    expect(run({ interventions: [], variants: { a: [] }, sweep: ["swap"] })).toEqual([
      "/variants: interventions and variants exclude each other: give one of them",
      "/sweep: interventions and sweep exclude each other: give one of them",
    ]);
  });

  it("Says the value and the bound", () => {
    expect(run({ readout: { top_k: 500 } })).toEqual(["/readout/top_k: 500 is more than the most allowed, 100"]);
    expect(run({ readout: { top_k: 0 } })).toEqual(["/readout/top_k: 0 is less than the least allowed, 1"]);
    expect(run({ readout: { top_k: 1.5 } })).toEqual(["/readout/top_k: 1.5 is not a whole number"]);
    expect(run({ readout: { positions: "first" } })).toEqual([
      '/readout/positions: "first" is not one of "last", "all" or a list',
    ]);
    expect(run({ readout: { targets: Array(33).fill(1) } })).toEqual([
      "/readout/targets: a list of 33 is more than the most allowed, 32",
    ]);
    expect(run({ prompt: "x".repeat(262_145) })).toEqual([
      "/prompt: a text of 262145 characters is more than the most allowed, 262144",
    ]);
    expect(run({ prompt: 3 })).toEqual(["/prompt: 3 is not a text"]);
    expect(complaints(RunRequest, 3)).toEqual([": 3 is not an object"]);
  });

  it("Bounds the variants and their names", () => {
    const many = Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`v${i}`, []]));
    expect(run({ variants: many })).toEqual(["/variants: an object of 1025 variants is more than the most allowed, 1024"]);
    expect(run({ variants: {} })).toEqual(["/variants: an object of 0 variants is less than the least allowed, 1"]);
    expect(run({ variants: { "a/b": [] } })).toEqual([
      '/variants/a~1b: "a/b" is not a name: 1 to 64 letters, digits, spaces and . _ + , : ( ) -, the first a letter or digit',
    ]);
  });

  it("Refuses unknown fields, with those that there are", () => {
    expect(run({ promt: "a" })).toEqual([
      ': there is no field "promt"; there are model, prompt, tokens, messages, add_generation_prompt, template_arguments, prepend_bos, interventions, variants, sweep, baseline, readout, capture',
    ]);
    expect(run({ readout: { topk: 3 } })).toEqual([
      '/readout: there is no field "topk"; there are positions, layers, top_k, lens, targets',
    ]);
  });

  it("Takes captures by name, and neurons as they are named", () => {
    expect(run({ capture: ["head_norms", "residuals", "components", { neurons: { top: 3 } }] })).toEqual([]);
    expect(run({ capture: ["logits"] })[0]).toMatch(
      /^\/capture\/0: "logits" is not one of "norms", .*"attribution" or an object$/,
    );
    expect(run({ capture: [{ neurons: {} }] })).toEqual([
      "/capture/0/neurons/top: is required: a number of neurons, or neurons by name",
    ]);
    expect(run({ capture: [{ neurons: { top: 257 } }] })).toEqual([
      "/capture/0/neurons/top: 257 is more than the most allowed, 256",
    ]);
    expect(run({ capture: ["neurons", "norms", { neurons: { top: 3 } }] })).toEqual([
      "/capture/2: neurons is captured once: name it once",
    ]);
    expect(run({ capture: ["norms", "attribution"] })).toEqual([
      "/capture/1: attribution is of tokens: it needs readout.targets, and 0 are given",
    ]);
  });

  it("Takes a patch sweep with a baseline and targets in pairs only", () => {
    const sweep = { op: "patch", component: "resid_pre", source: { prompt: "a" } };
    expect(run({ sweep, readout: { targets: [1, 2] } })).toEqual([]);
    expect(run({ sweep, baseline: false })).toEqual([
      "/baseline: is false, but a patch sweep is measured against the baseline",
      "/readout/targets: a patch sweep compares targets in pairs: 0 are given",
    ]);
    expect(run({ sweep, readout: { targets: [1, 2, 3] } })).toEqual([
      "/readout/targets: a patch sweep compares targets in pairs: 3 are given",
    ]);
    expect(run({ sweep: { ...sweep, op: "steer" } })).toEqual(['/sweep/op: "steer" is not "patch"']);
    expect(run({ sweep: "delete" })).toEqual(['/sweep: "delete" is not a list or an object']);
    expect(run({ sweep: [] })).toEqual(["/sweep: a list of 0 is less than the least allowed, 1"]);
  });
});
