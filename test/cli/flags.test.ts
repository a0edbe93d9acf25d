import { describe, expect, it } from "vitest";
import { parseFlags } from "../../src/cli/flags.ts";
import { INTERVENTION_FLAGS, operationsOf } from "../../src/cli/interventions.ts";
import { PATCH_FLAGS, PROMPT_FLAGS, patchRequest, READOUT_FLAGS, runRequest } from "../../src/cli/run-request.ts";
import { Operations } from "../../src/schemas/operations.ts";
import { RunRequest } from "../../src/schemas/run-request.ts";

const FLAGS = { ...INTERVENTION_FLAGS, ...PROMPT_FLAGS, ...READOUT_FLAGS };
const operations = (...args: string[]) => operationsOf(parseFlags(args, FLAGS));
const request = (...args: string[]) => runRequest(parseFlags(args, FLAGS));

describe("Intervention flags", () => {
  it("Become operations in the order typed", () => {
    expect(operations("--swap", "2,3", "--delete=5", "--exit", "6")).toEqual([
      { op: "swap", layers: [2, 3] },
      { op: "delete", layers: [5] },
      { op: "exit", after: 6 },
    ]);
  });

  it.each([
    [["--delete", "1,4-6"], { op: "delete", layers: [1, 4, 5, 6] }],
    [["--delete", "-1"], { op: "delete", layers: [-1] }],
    [["--delete=-3--1,0"], { op: "delete", layers: [-3, -2, -1, 0] }],
    [["--delete", "4--1"], { op: "delete", layers: { from: 4, to: -1 } }],
    [["--swap", "0,-1"], { op: "swap", layers: [0, -1] }],
    [["--shuffle", "2--2:7"], { op: "shuffle", layers: { from: 2, to: -2 }, seed: 7 }],
    [["--replace", "-1:0"], { op: "replace", layer: -1, with: 0 }],
    [["--exit", "-2"], { op: "exit", after: -2 }],
    [["--order", "0-2,-2+-1,3"], { op: "order", layers: [0, 1, 2, [-2, -1], 3] }],
    [["--sublayers", "-1.attn,-2"], { op: "sublayers", steps: [{ layer: -1, component: "attn" }, { layer: -2 }] }],
    [["--ablate-head", "-1.0-2"], { op: "ablate", component: "head", layers: [-1], heads: [0, 1, 2], with: "zero" }],
    [["--steer", "-1: night"], { op: "steer", layer: -1, toward: " night", scale: 1, scale_by: "residual" }],
    [["--repeat", "4-5x3"], { op: "repeat", layers: [4, 5], times: 3 }],
    [["--repeat-span", "4-5"], { op: "repeat", layers: [4, 5], mode: "span" }],
    [["--reverse", "2-4"], { op: "reverse", layers: [2, 3, 4] }],
    [["--shuffle", "2-4:7"], { op: "shuffle", layers: [2, 3, 4], seed: 7 }],
    [["--replace", "3:7"], { op: "replace", layer: 3, with: 7 }],
    [["--order", "0-2,4+5,3"], { op: "order", layers: [0, 1, 2, [4, 5], 3] }],
    [["--parallel", "4-6x2"], { op: "parallel", layers: [4, 5, 6], times: 2 }],
    [["--ablate-attn", "3"], { op: "ablate", component: "attn", layers: [3], with: "zero" }],
    [
      ["--ablate-head", "1.0-2", "--scale", "0.5"],
      { op: "ablate", component: "head", layers: [1], heads: [0, 1, 2], with: { scale: 0.5 } },
    ],
    [
      ["--ablate-neuron", "3.17-19", "--mean", "tales:4:32", "--at", "0,-1"],
      {
        ...{ op: "ablate", component: "neuron", layers: [3], neurons: [17, 18, 19], positions: [0, -1] },
        with: { mean: { dataset: "tales", texts: 4, tokens_per_text: 32 } },
      },
    ],
    [
      ["--sublayers", "0.attn,0.mlp,1-2"],
      {
        op: "sublayers",
        steps: [{ layer: 0, component: "attn" }, { layer: 0, component: "mlp" }, { layer: 1 }, { layer: 2 }],
      },
    ],
    [["--steer", "6: night"], { op: "steer", layer: 6, toward: " night", scale: 1, scale_by: "residual" }],
    [["--steer-away", "6:a:b", "--steer-scale=-0.5"], { op: "steer", layer: 6, away: "a:b", scale: -0.5, scale_by: "residual" }],
    [
      ["--patch-resid", "3-4", "--source", "He was", "--at", "2"],
      { op: "patch", component: "resid_pre", layers: [3, 4], source: { prompt: "He was" }, positions: [2] },
    ],
    [
      ["--patch-head", "3.1", "--source", "He was"],
      { op: "patch", component: "head", layers: [3], heads: [1], source: { prompt: "He was" } },
    ],
  ])("%j", (args, operation) => {
    expect(operations(...args)).toEqual([operation]);
    expect(Operations.safeParse([operation]).success).toBe(true);
  });

  it.each([
    [["--delete", "five"], '--delete is "five"; it must be a list of layers such as 5, 2,3, 4-7 or -1.'],
    [["--ablate-head", "1"], '--ablate-head is "1"; it must be layer.head, such as 1.3, 1.3,2.4 or 1.0-3.'],
    [
      ["--delete", "0,4--1"],
      "4--1 goes from one end of the model to the other, which can be said of layers that are given alone.",
    ],
    [["--order", "1-2-3"], '--order is "1-2-3"; it must be layers in the order they run'],
    [["--delete", "0-99999"], "0-99999 is a range of 100000 layers; at most 4096 can be written."],
    [
      ["--scale", "0.5"],
      "--scale says how far an ablation goes: give it with --ablate-attn, --ablate-mlp, --ablate-head or --ablate-neuron.",
    ],
    [["--ablate-mlp", "1", "--scale", "2", "--mean", "tales"], "--scale and --mean exclude each other: give one of them."],
    [["--ablate-mlp", "1", "--mean", ":3"], '--mean is ":3"; it must be a data set, how many texts, and tokens of each, such as'],
    [["--ablate-neuron", "3"], '--ablate-neuron is "3"; it must be layer.neuron, such as 1.3, 1.3,2.4 or 1.0-3.'],
    [["--steer", " night"], '--steer is " night"; it must be a layer and a token, such as "6: night".'],
    [["--steer-scale", "2"], "--steer-scale says how far steering goes: give it with --steer or --steer-away."],
    [["--patch-resid", "3"], "--source is missing: the other prompt, of which patches take."],
    [["--at", "3"], "--at says where layers are ablated, steered or patched: give it with one of those."],
    [["--ablate-mlp", "1", "--at", "x"], '--at is "x"; it must be places such as 3,-1.'],
    [
      ["--sublayers", "0.head"],
      '--sublayers is "0.head"; it must be halves and whole layers in the order they run, such as 0.attn,0.mlp,1-5.',
    ],
    [["--ablate-mlp", "1", "--scale", "half"], '--scale is "half"; it must be a number such as 0.5.'],
  ])("%j is refused, with what is allowed", (args, message) => {
    expect(() => operations(...args)).toThrow(message);
  });
});

describe("The body of a run", () => {
  it("Is what the API takes", () => {
    const body = request(
      "It was",
      "--positions",
      "0,-1",
      "--top-k",
      "3",
      "--target",
      " a",
      "--target",
      " b",
      "--capture",
      "norms,patterns",
    );
    expect(body.readout).toEqual({ positions: [0, -1], top_k: 3, lens: "standard", targets: [" a", " b"] });
    expect(RunRequest.safeParse(body).success).toBe(true);
  });

  it("Names captures, and how many neurons", () => {
    const body = request("x", "--target", "a", "--capture", "norms,neurons,attribution", "--top-neurons", "5");
    expect(body.capture).toEqual(["norms", "attribution", { neurons: { top: 5 } }]);
    expect(RunRequest.safeParse(body).success).toBe(true);
    expect(request("x", "--top-neurons", "5").capture).toEqual(["norms", { neurons: { top: 5 } }]);
    expect(() => request("x", "--capture", "logits")).toThrow(/--capture is "logits"; it must be norms or patterns/);
  });

  it("Of a patch is a sweep over a source, measured by two targets", () => {
    const patch = (...args: string[]) => patchRequest(parseFlags(args, { ...PROMPT_FLAGS, ...PATCH_FLAGS }));
    const body = patch("x y", "--source", "x z", "--targets", " Paris, Rome", "--layers", "0-2", "--positions", "1,-1");
    expect(body).toMatchObject({
      sweep: { op: "patch", component: "resid_pre", source: { prompt: "x z" }, layers: [0, 1, 2], positions: [1, -1] },
      readout: { layers: "final", targets: [" Paris", " Rome"] },
    });
    expect(RunRequest.safeParse(body).success).toBe(true);
    const heads = patch("x", "--source", "y", "--targets", "a,b", "--component", "head", "--heads", "0,3");
    expect(heads.sweep).toMatchObject({ component: "head", heads: [0, 3] });
    expect(() => patch("x")).toThrow("--source is missing");
    expect(() => patch("x", "--source", "y", "--targets", " Paris")).toThrow(
      '--targets is " Paris"; it must be two tokens, such as " Paris, Rome".',
    );
    expect(() => patch("x", "--source", "y", "--targets", "a,b", "--layers", "all")).toThrow(
      '--layers is "all"; it must be a list such as 5, 2,3, 4-7 or -1.',
    );
    expect(() => patch("x", "--source", "y", "--targets", "a,b", "--component", "head", "--heads", "-1")).toThrow(
      '--heads is "-1"; it must be a list such as 5, 2,3 or 4-7.',
    );
    const rows = (list: string) => patch("x", "--source", "y", "--targets", "a,b", "--layers", list).sweep;
    expect(rows("-2--1")).toMatchObject({ layers: [-2, -1] });
    expect(rows("4--1")).toMatchObject({ layers: { from: 4, to: -1 } });
  });

  it("--bos forces it, and --no-bos the other", () => {
    expect(request("It was")).not.toHaveProperty("prepend_bos");
    expect(request("It was", "--bos")).toMatchObject({ prepend_bos: true });
    expect(() => request("It was", "--bos", "--no-bos")).toThrow("--bos and --no-bos exclude each other: give one of them.");
  });

  it("--chat makes a message of the prompt, and of the source of a patch", () => {
    const user = { role: "user", content: "It was" };
    expect(request("It was", "--chat")).toMatchObject({ messages: [user] });
    expect(request("It was", "--chat")).not.toHaveProperty("prompt");
    expect(
      request("It was", "--system", "Be brief", "--template-arg", "enable_thinking=false", "--template-arg", "a=b"),
    ).toMatchObject({
      messages: [{ role: "system", content: "Be brief" }, user],
      template_arguments: { enable_thinking: false, a: "b" },
    });
    expect(request("It was", "--chat", "--patch-resid", "3", "--source", "He was")).toMatchObject({
      interventions: [{ source: { messages: [{ role: "user", content: "He was" }] } }],
    });
    expect(() => request("It was", "--template-arg", "a=b")).toThrow("--template-arg is for chats: give --chat too.");
    expect(() => request("It was", "--chat", "--template-arg", "a")).toThrow(
      '--template-arg is "a"; it must be NAME=VALUE, such as enable_thinking=false.',
    );
  });

  it("--no-baseline and --no-bos switch off what is on", () => {
    expect(request("It was", "--no-baseline", "--no-bos")).toMatchObject({ baseline: false, prepend_bos: false });
  });

  it.each([
    [["--lens", "tuned", "x"], '--lens is "tuned"; it must be standard or frozen-norm.'],
    [["x", "--positions", "first"], '--positions is "first"; it must be last, all, or places such as 3,-1.'],
    [["x", "--top-k", "ten"], '--top-k is "ten"; it must be a whole number such as 10.'],
    [["It", "was"], "The prompt is one argument; 2 were given: put it in quotes."],
    [[], "The prompt is missing."],
    [["x", "--delet", "5"], "--delet is not a flag of this command. Its flags: --delete, --swap,"],
    [["x", "--delete"], "--delete needs a value: --delete LAYERS."],
    [["x", "--delete", "--swap"], "--delete needs a value"],
    [["x", "--no-baseline=1"], '--no-baseline takes no value; it was given "1".'],
  ])("%j is refused", (args, message) => {
    expect(() => request(...args)).toThrow(message);
  });
});
