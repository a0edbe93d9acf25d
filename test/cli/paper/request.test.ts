import { describe, expect, it } from "vitest";
import { paperCommand } from "../../../src/cli/commands/paper.ts";
import { parseFlags } from "../../../src/cli/flags.ts";
import { paperRequest } from "../../../src/cli/paper/request.ts";
import { PAPER_EXPERIMENTS } from "../../../src/report/plan/catalogue.ts";

function request(...args: string[]) {
  return paperRequest(parseFlags(args, Object.assign({}, ...Object.values(paperCommand.flags))));
}

describe("paperRequest", () => {
  it("Every experiment on the usual texts, when nothing is said; a model is named once", () => {
    expect(request("a", "b", "a")).toEqual({
      models: ["a", "b"],
      experiments: PAPER_EXPERIMENTS,
      fields: { data: { dataset: "prose-heldout" } },
      ownData: false,
      texts: undefined,
      tokens: undefined,
    });
  });

  it("Texts, tokens, seed and BOS as they are typed", () => {
    const { fields, ownData, texts, tokens } = request(
      ...["a", "--data", "mine", "--texts", "8", "--tokens", "32", "--seed", "7", "--no-bos", "--skip-short"],
    );
    expect({ ownData, texts, tokens }).toEqual({ ownData: true, texts: 8, tokens: 32 });
    expect(fields).toEqual({ data: { dataset: "mine" }, seed: 7, prepend_bos: false, short_texts: "skip" });
  });

  it("--only: a kind stands for all of its experiments, in the report's order", () => {
    const ids = (only: string) => request("a", "--only", only).experiments.map(({ id }) => id);
    expect(ids("logit-lens")).toEqual(["logit-lens", "logit-lens-frozen-norm"]);
    expect(ids("cka, attention-locality")).toEqual(["attention-locality", "cka"]);
    expect(() => request("a", "--only", "cka,lenses")).toThrow(
      /^--only: "lenses" is none of the report's kinds: layer-interventions, /,
    );
  });

  it("No model, and more than a figure can tell apart", () => {
    expect(() => request()).toThrow("A model is missing. Example: stratascope paper prose-6m --out paper");
    expect(() => request(..."abcdefghi")).toThrow(
      "A report shows at most 8 models, not 9: their colours could not be told apart.",
    );
  });
});
