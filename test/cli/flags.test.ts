import { describe, expect, it } from "vitest";
import { parseFlags } from "../../src/cli/flags.ts";
import { INTERVENTION_FLAGS, operationsOf } from "../../src/cli/interventions.ts";
import { PROMPT_FLAGS, READOUT_FLAGS, runRequest } from "../../src/cli/run-request.ts";
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
  ])("%j", (args, operation) => {
    expect(operations(...args)).toEqual([operation]);
    expect(Operations.safeParse([operation]).success).toBe(true);
  });

  it.each([
    [["--delete", "five"], '--delete is "five"; it must be a list of layers such as 5, 2,3 or 4-7.'],
    [["--ablate-head", "1"], '--ablate-head is "1"; it must be layer.head, such as 1.6, 1.6,2.3 or 1.0-3.'],
    [["--delete", "0-99999"], "0-99999 is a range of 100000 layers; at most 4096 can be written."],
    [["--scale", "0.5"], "--scale says how far an ablation goes: give it with --ablate-attn, --ablate-mlp or --ablate-head."],
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
