import { describe, expect, it } from "vitest";
import { paperCommand } from "../../src/cli/commands/paper.ts";
import { parseFlags } from "../../src/cli/flags.ts";
import { paperRequest } from "../../src/cli/paper/request.ts";
import { PAPER_EXPERIMENTS, type PaperExperiment } from "../../src/report/plan/catalogue.ts";
import { bodyOf, idempotencyKey } from "../../src/report/plan/request.ts";
import { BUDGET_FLOP, chooseSize, flopOf } from "../../src/report/plan/sizes.ts";
import { ExperimentRequest } from "../../src/schemas/experiments/request.ts";

const PROSE = { nLayers: 12, dModel: 192, nHeads: 6, dMlp: 768, vocabSize: 4096 };
const SMOL = { nLayers: 30, dModel: 576, nHeads: 9, dMlp: 1536, vocabSize: 49152 };
const ALL = { available: 256, maxTokens: 8192 };

function request(...args: string[]) {
  return paperRequest(parseFlags(args, Object.assign({}, ...Object.values(paperCommand.flags))));
}

function experiment(id: string): PaperExperiment {
  return PAPER_EXPERIMENTS.find((each) => each.id === id) as PaperExperiment;
}

describe("bodyOf", () => {
  it("Every body of every attempt is one that the service takes", () => {
    const asked = request("prose-6m", "--seed", "3");
    for (const each of PAPER_EXPERIMENTS) {
      const size = chooseSize(each, PROSE, ALL);
      for (const attempt of each.attempts) {
        const parsed = ExperimentRequest.parse(bodyOf(asked, "prose-6m", each, size, attempt));
        expect(parsed).toMatchObject({ kind: each.kind, model: "prose-6m", seed: 3 });
      }
    }
  });

  it("The benchmark has texts of its own, unless the person names some", () => {
    const size = { texts: 40, tokens: null };
    const body = (...args: string[]) =>
      bodyOf(request("m", ...args), "m", experiment("benchmark"), size, { settings: { task: "last-word" } });
    expect(body()).toEqual({
      ...{ kind: "benchmark", model: "m", data: { dataset: "last-word" }, texts: 40, settings: { task: "last-word" } },
    });
    expect(body("--data", "mine")).toMatchObject({ data: { dataset: "mine" } });
  });

  it("A census without texts names none", () => {
    const body = bodyOf(request("m"), "m", experiment("neuron-census"), { texts: 8, tokens: 64 }, { withoutTexts: true });
    expect(body).toEqual({ kind: "neuron-census", model: "m", settings: {} });
  });
});

describe("idempotencyKey", () => {
  const body = { kind: "cka", model: "m", texts: 4 } as const;
  const circumstances = { revision: "r", version: "0.1.0", data: "d" };
  const key = (changed: object = {}, changes: object = {}) =>
    idempotencyKey({ ...body, ...changed }, { ...circumstances, ...changes });

  it("is the same for the same, and another for whatever changes the numbers", () => {
    expect(key()).toBe(key());
    expect(key()).toMatch(/^paper-[0-9a-f]{64}$/);
    const others = [
      key({ texts: 5 }),
      key({ model: "n" }),
      key({}, { revision: "s" }),
      key({}, { version: "0.2.0" }),
      key({}, { data: "e" }),
    ];
    expect(new Set([key(), ...others]).size).toBe(6);
  });
});

describe("chooseSize", () => {
  it("prose-6m: small enough for many texts; heads, the dearest, get fewer", () => {
    const of = (id: string) => chooseSize(experiment(id), PROSE, ALL);
    expect(of("layer-interventions")).toEqual({ texts: 64, tokens: 128 });
    expect(of("cka")).toEqual({ texts: 256, tokens: 128 });
    expect(of("head-importance")).toEqual({ texts: 32, tokens: 64 });
    expect(of("subjoiner-heads")).toEqual({ texts: 256, tokens: null, settings: { max_words: 512 } });
  });

  it("SmolLM2-135M: what costs too much at every size gets the smallest", () => {
    const of = (id: string) => chooseSize(experiment(id), SMOL, ALL);
    expect(of("layer-interventions")).toEqual({ texts: 8, tokens: 64 });
    expect(of("head-importance")).toEqual({ texts: 4, tokens: 64 });
    expect(of("component-norms")).toEqual({ texts: 32, tokens: 128 });
    expect(of("cka")).toEqual({ texts: 128, tokens: 32 });
  });

  it("The first size within the budget, for every experiment", () => {
    for (const model of [PROSE, SMOL])
      for (const each of PAPER_EXPERIMENTS) {
        const chosen = chooseSize(each, model, ALL);
        const at = each.sizes.findIndex(
          ({ texts, tokens, settings }) => texts === chosen.texts && tokens === chosen.tokens && settings === chosen.settings,
        );
        expect(at).toBeGreaterThanOrEqual(0);
        for (const larger of each.sizes.slice(0, at)) expect(flopOf(each, model, larger)).toBeGreaterThan(BUDGET_FLOP);
        if (at < each.sizes.length - 1) expect(flopOf(each, model, chosen)).toBeLessThanOrEqual(BUDGET_FLOP);
      }
  });

  it("No more texts than there are, no more tokens than the model takes; what is asked for goes before all of it", () => {
    const of = (limits: object) => chooseSize(experiment("cka"), PROSE, { ...ALL, ...limits });
    expect(of({ available: 10 })).toMatchObject({ texts: 10, tokens: 128 });
    expect(of({ maxTokens: 100 })).toMatchObject({ texts: 256, tokens: 100 });
    expect(of({ texts: 300, tokens: 9000, available: 10 })).toMatchObject({ texts: 300, tokens: 9000 });
    expect(chooseSize(experiment("suffix-probe"), PROSE, { ...ALL, texts: 5, tokens: 7 })).toMatchObject({
      texts: 5,
      tokens: null,
    });
  });

  it("What deletions, swaps and repeats cost is counted by hand for three layers, prefixes shared", () => {
    const model = { nLayers: 3, dModel: 1, nHeads: 2, dMlp: 0, vocabSize: 0 };
    const blocks = (id: string) => experiment(id).work(model).blocks;
    // Baseline 0 1 2; without 0: 1 2; without 1: 2; 1 0 2; (0) 2 1.
    expect(blocks("layer-interventions")).toBe(3 + 2 + 1 + 0 + 3 + 2);
    // (0) 0 1 2; (0 1) 1 2; (0 1 2) 2.
    expect(blocks("layer-repeat")).toBe(3 + 3 + 2 + 1);
    // Either head of 0, 1, 2: from its layer on.
    expect(blocks("head-importance")).toBe(3 + 2 * (3 + 2 + 1));
    // The middle is 1 2, after 0: left out, or in five ways, one of them three times over.
    expect(blocks("layer-schedules")).toBe(3 + 7 * 2);
  });
});
