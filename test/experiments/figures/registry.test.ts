import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import {
  figureOf,
  KINDS_COMPARED,
  KINDS_WITH_FIGURES,
  MAX_MODELS,
  severalModels,
} from "../../../src/experiments/figures/registry.ts";
import { EXPERIMENT_KINDS } from "../../../src/schemas/experiments/settings.ts";
import { KINDS, resultOf, SMALL } from "./results.ts";

const refusal = (make: () => unknown) => {
  try {
    make();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was refused");
};

describe("The figures of the kinds", () => {
  it("Are there for every kind but activations", () => {
    expect([...KINDS_WITH_FIGURES].sort()).toEqual(EXPERIMENT_KINDS.filter((kind) => kind !== "activations").sort());
    expect([...KINDS].sort()).toEqual([...KINDS_WITH_FIGURES].sort());
  });

  it("Compare models by every kind but variants, which are the user's own", () => {
    expect(KINDS_COMPARED).toEqual(KINDS_WITH_FIGURES.filter((kind) => kind !== "variants"));
  });

  it("activations has none, and says so", () => {
    expect(refusal(() => figureOf({ ...resultOf("cka"), kind: "activations" }))).toMatchObject({
      code: "not_found",
      message: "Experiments of the kind activations have no figure: their results are files.",
    });
  });

  it.each(["figure-12", "constructor", ""])("An unknown kind, “%s”, has none", (kind) => {
    expect(refusal(() => figureOf({ ...resultOf("cka"), kind }))).toMatchObject({
      code: "not_found",
      message: `Experiments of the kind ${kind} have no figure; there are figures of ${KINDS_WITH_FIGURES.join(", ")}.`,
    });
  });

  it("Several models: at least one result, of one kind that is compared, and no more than can be told apart", () => {
    const one = resultOf("cka");
    expect(refusal(() => severalModels([]))).toMatchObject({
      code: "invalid_request",
      message: "A figure of several models needs at least one result; there is none.",
    });
    expect(refusal(() => severalModels([one, resultOf("logit-lens")]))).toMatchObject({
      code: "invalid_request",
      message: "A figure shows results of one kind, not of 2: cka, logit-lens.",
    });
    expect(refusal(() => severalModels(Array.from({ length: MAX_MODELS + 1 }, () => one)))).toMatchObject({
      code: "invalid_request",
      message: "A figure shows at most 8 models, not 9.",
    });
    expect(refusal(() => severalModels([resultOf("variants")]))).toMatchObject({
      code: "not_found",
      message: "Results of the kind variants are not compared between models in a figure.",
    });
    expect(severalModels([resultOf("cka", SMALL)]).title).toMatchObject({
      text: "Similarity of layers (unbiased linear CKA), one model",
    });
  });

  it("Load no plotting library before the first picture is drawn", () => {
    const script = `
      import { registerHooks } from "node:module";
      const seen = new Set();
      registerHooks({ resolve(name, context, next) { seen.add(name); return next(name, context); } });
      const libraries = () => ["vega", "vega-lite", "@resvg/resvg-js"].filter((name) => seen.has(name));
      const { figureOf } = await import("./src/experiments/figures/registry.ts");
      const { figureSvg, figurePng } = await import("./src/experiments/figures/draw.ts");
      const { resultOf } = await import("./test/experiments/figures/results.ts");
      figureOf(resultOf("cka"));
      const stages = [libraries()];
      await figureSvg(resultOf("cka"));
      stages.push(libraries());
      await figurePng(resultOf("cka"), 1);
      stages.push(libraries());
      console.log(JSON.stringify(stages));`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    expect(JSON.parse(stdout)).toEqual([[], ["vega", "vega-lite"], ["vega", "vega-lite", "@resvg/resvg-js"]]);
  });
});
