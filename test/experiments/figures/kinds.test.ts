/** That figures show the numbers of their results: each kind's, and what becomes of rows that are missing or odd. */
import { compile } from "vega-lite";
import { describe, expect, it } from "vitest";
import { figureOf, KINDS_COMPARED, severalModels } from "../../../src/experiments/figures/registry.ts";
import type { ExperimentResult, ResultRow } from "../../../src/experiments/result.ts";
import { domainOf, notesOf, plotOf, plotsOf, valuesOf } from "./drawn.ts";
import { KINDS, LARGE, MIDDLE, resultOf, SMALL, TINY } from "./results.ts";

const withRows = (result: ExperimentResult, rows: readonly ResultRow[]): ExperimentResult => ({
  ...result,
  table: { ...result.table, rows },
});
const rowsOf = ({ table }: ExperimentResult, wanted: ResultRow): ResultRow[] =>
  table.rows.filter((row) => Object.entries(wanted).every(([name, value]) => row[name] === value));
/** To the digits that a specification keeps. */
const short = (value: unknown) => Number((value as number).toPrecision(5));
const means = (rows: readonly ResultRow[]) => rows.map(({ mean }) => short(mean));

describe.each([...KINDS])("%s", (kind) => {
  it("Is what Vega-Lite takes without a word, for a shallow and a deep model", () => {
    for (const shape of [TINY, SMALL, LARGE]) {
      const said: unknown[] = [];
      const note = (...words: unknown[]) => {
        said.push(words);
        return logger;
      };
      const logger = {
        level: () => logger,
        error: note,
        warn: note,
        info: () => logger,
        debug: () => logger,
      };
      compile(figureOf(resultOf(kind, shape)), { logger: logger as never });
      expect(said).toEqual([]);
    }
  });

  it("Says its model and texts, and is the same again", () => {
    const spec = figureOf(resultOf(kind));
    expect(notesOf(spec)).toContain("prose-6m · ");
    if (kind !== "neuron-census") expect(notesOf(spec)).toContain("64 texts × 128 tokens of prose-heldout");
    expect(figureOf(resultOf(kind))).toEqual(spec);
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec); // plain data: a page can be sent it
  });

  it("Says so where a result has none of the rows", () => {
    expect(() => figureOf(withRows(resultOf(kind), []))).toThrow(
      `The result of the ${kind} experiment exp_${kind} has none of the rows that its figure draws.`,
    );
  });

  it("Draws what there is where half of the rows have no number", () => {
    const result = resultOf(kind);
    const rows = result.table.rows.map((row, i) => (i % 2 ? { ...row, mean: null, std: null, sem: null } : row));
    expect(plotsOf(figureOf(withRows(result, rows))).length).toBeGreaterThan(0);
  });
});

describe("layer-interventions", () => {
  const result = resultOf("layer-interventions");
  const spec = figureOf(result);
  const divergence = plotOf(spec, "Divergence");

  it("Has a line of means for each operation, over the layers", () => {
    const deleted = valuesOf(divergence, "line").filter(({ s }) => s === "delete the layer");
    expect(deleted.map(({ x }) => x)).toEqual(Array.from({ length: 12 }, (_, layer) => layer));
    expect(deleted.map(({ y }) => y)).toEqual(means(rowsOf(result, { operation: "delete", statistic: "kl_nats" })));
    expect(valuesOf(divergence, "line").filter(({ s }) => s === "swap it with the next")).toHaveLength(11);
  });

  it("Has bands of 1.96 standard errors on both sides, and of the quartiles", () => {
    const [quartiles, errors] = divergence.layers.filter(({ mark }) => mark.type === "area");
    for (const [i, row] of rowsOf(result, { operation: "delete", statistic: "kl_nats" }).entries()) {
      const [mean, sem] = [row.mean as number, row.sem as number];
      expect(errors?.values[i]?.y).toBeCloseTo(mean - 1.96 * sem, 3);
      expect(errors?.values[i]?.z).toBeCloseTo(mean + 1.96 * sem, 3);
      expect(quartiles?.values[i]).toMatchObject({ y: short(row.q25), z: short(row.q75) });
    }
  });

  it("Has a band that ends where the logarithmic axis does, whatever the interval reaches down to", () => {
    const rows = result.table.rows.map((row) => (row.statistic === "kl_nats" ? { ...row, sem: row.mean ?? null, q25: 0 } : row));
    const plot = plotOf(figureOf(withRows(result, rows)), "Divergence");
    const [low, high] = domainOf(plot, "y") as [number, number];
    expect(low).toBeGreaterThan(0);
    for (const { y, z } of valuesOf(plot, "area")) {
      expect(y).toBeGreaterThanOrEqual(low);
      expect(z).toBeLessThanOrEqual(high);
    }
  });

  it("Has the paired differences about a line at 0", () => {
    const plot = plotOf(spec, "Swap minus delete");
    expect(valuesOf(plot, "line").map(({ y }) => y)).toEqual(
      means(rowsOf(result, { operation: "swap_minus_delete", statistic: "kl_nats" })),
    );
    expect(valuesOf(plot, "rule")).toEqual([expect.objectContaining({ y: 0 })]);
  });

  it("Has no third plot where only one operation was run", () => {
    const rows = result.table.rows.filter(({ operation }) => operation === "delete");
    expect(plotsOf(figureOf(withRows(result, rows)))).toHaveLength(2);
  });

  it("Leaves means of 0 out of the logarithmic axis only", () => {
    const rows = result.table.rows.map((row) => (row.layer === 5 && row.operation === "delete" ? { ...row, mean: 0 } : row));
    const changed = figureOf(withRows(result, rows));
    const layers = (words: string) =>
      valuesOf(plotOf(changed, words), "line").filter(({ s, x }) => s === "delete the layer" && x === 5);
    expect(layers("Divergence")).toEqual([]);
    expect(layers("Top-1")).toHaveLength(1);
  });
});

describe("attention-locality", () => {
  it("Shows the k of the settings, else 5, else the largest there is", () => {
    const result = resultOf("attention-locality");
    expect(figureOf(result).title).toMatchObject({ text: "Attention to the previous tokens, k = 5" });
    expect(figureOf({ ...result, settings: { k: 16 } }).title).toMatchObject({
      text: "Attention to the previous tokens, k = 16",
    });
    expect(figureOf({ ...result, settings: { k: 7 } }).title).toMatchObject({ text: "Attention to the previous tokens, k = 5" });
    const few = withRows(
      result,
      result.table.rows.filter(({ k }) => (k as number) < 5),
    );
    expect(figureOf(few).title).toMatchObject({ text: "Attention to the previous tokens, k = 2" });
  });

  it("Has a stroke for every head and a line for their mean, over the relative depth", () => {
    const result = resultOf("attention-locality");
    const plot = plotOf(figureOf(result), "Mean over the cells");
    expect(valuesOf(plot, "tick")).toHaveLength(12 * 6);
    const line = valuesOf(plot, "line");
    expect(line[0]?.x).toBe(0);
    expect(line.at(-1)?.x).toBe(1);
    expect(line.map(({ y }) => y)).toEqual(means(rowsOf(result, { k: 5, head: null, statistic: "per_cell" })));
  });
});

describe("logit-lens", () => {
  it("Begins with the embedding", () => {
    const spec = figureOf(resultOf("logit-lens"));
    expect(spec.title).toMatchObject({ text: "Logit lens (standard)" });
    expect(valuesOf(plotOf(spec, "Entropy"), "line").map(({ x }) => x)).toEqual(Array.from({ length: 13 }, (_, i) => i - 1));
  });
});

describe("neuron-census", () => {
  it("Counts prediction and suppression together where the result does", () => {
    const result = resultOf("neuron-census");
    const rows = result.table.rows
      .filter(({ statistic }) => !String(statistic).startsWith("suppression"))
      .map((row) => ({ ...row, statistic: String(row.statistic).replace("prediction", "prediction_or_suppression") }));
    const plot = plotOf(figureOf(withRows(result, rows)), "Prediction");
    expect(new Set(valuesOf(plot, "line").map(({ s }) => s))).toEqual(new Set(["prediction or suppression"]));
  });

  it("Says the bounds that it was made with", () => {
    const result = resultOf("neuron-census");
    expect(notesOf(figureOf({ ...result, settings: { weights: "raw", kurtosis_above: 12, variance_above: 0.01 } }))).toBe(
      "prose-6m · 768 neurons a layer · raw weights Prediction, suppression: kurtosis over the vocabulary > 12; partition: variance > 0.01",
    );
  });
});

describe("Heads", () => {
  it("subjoiner-heads ranks them by the sum over the offsets", () => {
    const result = resultOf("subjoiner-heads");
    const sums = new Map<string, number>();
    for (const { layer, head, mean } of rowsOf(result, { statistic: "attention_difference" })) {
      const name = `layer ${layer}, head ${head}`;
      sums.set(name, (sums.get(name) ?? 0) + (mean as number));
    }
    const best = [...sums]
      .sort(([, a], [, b]) => b - a)
      .slice(0, 8)
      .map(([name]) => name);
    const spec = figureOf(result);
    expect(domainOf(plotOf(spec, "largest sum"), "y")).toEqual(best);
    expect(valuesOf(plotOf(spec, "largest sum"), "point")).toHaveLength(8 * 3);
    const [low, high] = domainOf(plotOf(spec, "summed"), "color") as [number, number];
    expect(low).toBe(-high);
  });

  it("head-importance has a cell for each head and names the twelve that are missed most", () => {
    const result = resultOf("head-importance");
    const spec = figureOf({ ...result, settings: { with: "zero" } });
    expect(valuesOf(plotOf(spec, "Divergence"), "rect")).toHaveLength(12 * 6);
    const sorted = means(rowsOf(result, { statistic: "kl_nats" })).sort((a, b) => b - a);
    expect(valuesOf(plotOf(spec, "missed most"), "point").map(({ x }) => x)).toEqual(sorted.slice(0, 12));
    expect(notesOf(spec)).toContain("A head's z is set to zero.");
    expect(notesOf(figureOf({ ...result, settings: { with: { mean: {} } } }))).toContain("set to its mean over other texts.");
  });
});

describe("suffix-probe", () => {
  const spec = figureOf(resultOf("suffix-probe"));

  it("Has single neurons from the best down, and ensembles by size", () => {
    const alone = valuesOf(plotOf(spec, "Single neurons"), "line").filter(({ s }) => s === "prediction neurons");
    expect(alone.map(({ x }) => x)).toEqual(Array.from({ length: 32 }, (_, i) => i + 1));
    expect(alone.map(({ y }) => y)).toEqual(alone.map(({ y }) => y as number).sort((a, b) => b - a));
    expect(new Set(valuesOf(plotOf(spec, "Ensembles"), "line").map(({ s }) => s))).toEqual(
      new Set(["prediction neurons", "suppression neurons", "both"]),
    );
  });

  it("Has the model's own accuracy as a line across, on one scale in both plots", () => {
    for (const words of ["Single neurons", "Ensembles"])
      expect(valuesOf(plotOf(spec, words), "rule")).toEqual([expect.objectContaining({ y: 0.873 })]);
    expect(domainOf(plotOf(spec, "Single"), "y")).toEqual(domainOf(plotOf(spec, "Ensembles"), "y"));
  });
});

describe("suffix-probe of a model without such neurons", () => {
  it("Shows the model's own accuracy and says why there is nothing else", () => {
    const result = resultOf("suffix-probe");
    const rows = rowsOf(result, { population: "model" });
    const spec = figureOf({ ...withRows(result, rows), summary: { candidates: { prediction: 0, largest_kurtosis: 7.7624 } } });
    expect(notesOf(spec)).toContain(
      "No neuron is a prediction or suppression neuron, so none is probed; the largest kurtosis is 7.76",
    );
    expect(valuesOf(plotOf(spec, "own accuracy"), "rule")).toEqual([{ x: 1, y: 0.873, t: "the model's own top-1" }]);
    expect(notesOf(figureOf(withRows(result, rows)))).toMatch(/none is probed$/);
  });
});

describe("cka", () => {
  it("Fills the other half where a result has each pair once, and marks what has no number", () => {
    const result = resultOf("cka");
    const half = result.table.rows
      .filter(({ layer, other_layer }) => (layer as number) <= (other_layer as number))
      .map((row) => (row.layer === 3 && row.other_layer === 5 ? { ...row, mean: null } : row));
    const [known, missing] = plotsOf(figureOf(withRows(result, half)))[0]?.layers ?? [];
    expect(known?.values).toHaveLength(13 * 13 - 2);
    expect(missing?.values).toEqual([
      { x: 3, y: 5 },
      { x: 5, y: 3 },
    ]);
  });
});

describe("layer-importance", () => {
  it("Marks for every n where the distance is least", () => {
    const result = resultOf("layer-importance");
    const marked = valuesOf(plotOf(figureOf(result), "Angular distance"), "point");
    expect(marked).toHaveLength(12);
    for (const { x, y } of marked) {
      const row = rowsOf(result, { statistic: "angular_distance", n: y as number });
      const least = Math.min(...row.map(({ mean }) => Number((mean as number).toFixed(4))));
      expect(Number(Number(row.find(({ layer }) => layer === x)?.mean).toFixed(4))).toBe(least);
    }
  });

  it("Takes whole layers as rows without a component, or with block", () => {
    const result = resultOf("layer-importance");
    const named = withRows(
      result,
      result.table.rows.map((row) => ({ ...row, component: row.component ?? "block" })),
    );
    expect(plotsOf(figureOf(named))).toEqual(plotsOf(figureOf(result)));
  });
});

describe("layer-repeat and layer-schedules", () => {
  it("Say how often the layer ran", () => {
    expect(figureOf(resultOf("layer-repeat")).title).toMatchObject({ text: "Running a layer twice" });
    expect(figureOf(resultOf("layer-repeat", SMALL, { settings: { times: 3 } })).title).toMatchObject({
      text: "Running a layer 3 times",
    });
  });

  it("Say what changed nothing, which a logarithmic axis cannot show", () => {
    const result = resultOf("layer-schedules");
    const rows = result.table.rows.map((row) => (row.operation === "shuffle" && row.start === 4 ? { ...row, mean: 0 } : row));
    expect(notesOf(figureOf(withRows(result, rows)))).toContain("Not in (a): KL is 0 for shuffle from 4");
    expect(notesOf(figureOf(result))).not.toContain("Not in (a)");
  });
});

describe("variants", () => {
  const result = resultOf("variants");

  it("Are in the request's order, paired differences apart", () => {
    const paired = rowsOf(result, { variant: "delete.3" }).map((row) => ({
      ...row,
      variant: "delete.3_minus_swap.3",
      mean: -0.1,
    }));
    const spec = figureOf({
      ...withRows(result, [...result.table.rows, ...paired]),
      settings: { pairs: [["delete.3", "swap.3"]] },
    });
    expect(domainOf(plotOf(spec, "(a)"), "y").slice(0, 3)).toEqual(["delete.3", "swap.3", "no attention in the first half"]);
    expect(valuesOf(plotOf(spec, "(a)"), "point")).toHaveLength(6);
    expect(valuesOf(plotOf(spec, "(e)"), "point")).toEqual([{ l: "delete.3 − swap.3", s: "variant", x: -0.1 }]);
    expect(valuesOf(plotOf(spec, "(e)"), "rule")).toContainEqual({ x: 0 });
  });

  it("Of many, shows the 40 that diverge most, and says how many are left", () => {
    const [first] = rowsOf(result, { statistic: "kl_nats" }) as [ResultRow];
    const rows = Array.from({ length: 61 }, (_, i) => ({ ...first, variant: `v${i}`, mean: (i * 37) % 61 }));
    const spec = figureOf(withRows(result, rows));
    const most = [...rows].sort((a, b) => b.mean - a.mean).slice(0, 40);
    expect(domainOf(plotOf(spec, "(a)"), "y")).toEqual(most.map(({ variant }) => variant));
    expect(notesOf(spec)).toContain("the 21 others diverge less");
  });
});

describe("benchmark", () => {
  it("Has the untouched model's accuracy as a line across", () => {
    const [plot] = plotsOf(figureOf(resultOf("benchmark")));
    expect(valuesOf(plot as NonNullable<typeof plot>, "rule")).toEqual([{ x: 11.5, y: 0.43, t: "untouched model" }]);
  });
});

describe("benchmark of questions with choices", () => {
  it("Shows the accuracy by length-normalised likelihood", () => {
    const result = resultOf("benchmark");
    const normalised = result.table.rows.map((row) => ({ ...row, statistic: "acc_norm", mean: 0.25 }));
    const [plot] = plotsOf(figureOf(withRows(result, [...result.table.rows, ...normalised])));
    expect(new Set(valuesOf(plot as NonNullable<typeof plot>, "line").map(({ y }) => y))).toEqual(new Set([0.25]));
  });
});

describe("stages", () => {
  it("Has a line after the last layer of each stage, and the intervals behind it", () => {
    const result = resultOf("stages");
    const boundaries = [{ after_layer: 2, low: 1, high: 4, evidence: {} }, { after_layer: 7 }];
    const summary = { segmentation: { supported: true, p_value: 0.0012, explained: 0.819, boundaries } };
    const spec = figureOf({ ...result, summary });
    expect(notesOf(spec)).toContain("Four stages, which explain 82 % of the signals' variance (permutation test, p = 0.0012)");
    expect(plotsOf(spec)).toHaveLength(8);
    for (const plot of plotsOf(spec)) {
      expect(valuesOf(plot, "rule")).toEqual([{ x: 2.5 }, { x: 7.5 }]);
      expect(valuesOf(plot, "rect")).toEqual([{ x: 1.35, z: 4.65 }]);
    }
  });

  it("Says not supported, and draws no boundary then, even where the summary has one", () => {
    const boundaries = [{ after_layer: 2, low: 1, high: 4 }];
    const summary = { segmentation: { supported: false, p_value: 0.312, explained: 0.5, boundaries } };
    const spec = figureOf({ ...resultOf("stages"), summary });
    expect(notesOf(spec)).toContain(
      "A division into four stages is not supported (permutation test, p = 0.31): no boundaries are drawn",
    );
    for (const plot of plotsOf(spec)) expect(valuesOf(plot, "rule")).toEqual([]);
  });

  it("Says nothing of stages where the summary does not", () => {
    expect(notesOf(figureOf({ ...resultOf("stages"), summary: {} }))).toBe(
      "prose-6m · 64 texts × 128 tokens of prose-heldout Lines: means; bands: ± 1.96 standard errors",
    );
  });
});

describe("Several models", () => {
  it.each([...KINDS_COMPARED])("%s has a curve for each in every plot", (kind) => {
    const spec = severalModels([resultOf(kind, SMALL), resultOf(kind, MIDDLE)]);
    for (const plot of plotsOf(spec)) {
      expect(new Set(valuesOf(plot, "line").map(({ s }) => s))).toEqual(new Set([SMALL.id, MIDDLE.id]));
      const places = valuesOf(plot, "line").map(({ x }) => x as number);
      const [low, high] = domainOf(plot, "x") as [number, number];
      expect(Math.min(...places)).toBeGreaterThanOrEqual(low);
      expect(Math.max(...places)).toBeLessThanOrEqual(high);
    }
  });

  it("Share the depth: the last layer is at 1, whatever the model", () => {
    const spec = severalModels([resultOf("layer-repeat", SMALL), resultOf("layer-repeat", LARGE)]);
    for (const { id } of [SMALL, LARGE]) {
      const places = valuesOf(plotOf(spec, "Divergence"), "line")
        .filter(({ s }) => s === id)
        .map(({ x }) => x);
      expect([places[0], places.at(-1)]).toEqual([0, 1]);
    }
  });

  it("Have what the curves are compared with as a line across, for each", () => {
    const [small, middle] = [resultOf("benchmark", SMALL), resultOf("benchmark", MIDDLE)];
    const rows = middle.table.rows.map((row) => (row.operation === "baseline" ? { ...row, mean: 0.5 } : row));
    const spec = severalModels([small, withRows(middle, rows)]);
    expect(notesOf(spec)).toContain("dashed: the untouched models");
    for (const plot of plotsOf(spec))
      expect(plot.layers.filter(({ mark }) => "strokeDash" in mark).flatMap(({ values }) => values)).toEqual([
        { x: -0.02, y: 0.43, s: SMALL.id },
        { x: 1.02, y: 0.43, s: SMALL.id },
        { x: -0.02, y: 0.5, s: MIDDLE.id },
        { x: 1.02, y: 0.5, s: MIDDLE.id },
      ]);
  });

  it("Say their texts once where they are the same", () => {
    const [a, b] = [resultOf("cka", SMALL), resultOf("cka", MIDDLE)];
    expect(notesOf(severalModels([a, b]))).toContain("Each on 64 texts × 128 tokens of prose-heldout");
    expect(notesOf(severalModels([a, { ...b, tokens_per_text: 64 }]))).toContain(
      "prose-6m · 64 texts × 128 tokens of prose-heldout smollm2-135m-instruct-q4 · 64 texts × 64 tokens of prose-heldout",
    );
  });
});
