import { baselineSchedule } from "../../engine/schedule.ts";
import { angularDistance, cosineOfRows } from "../../metrics/similarity.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import type { TextsInput } from "../chunks.ts";
import type { Fold, Kind } from "../kind.ts";
import type { RunOutput } from "../lab.ts";
import type { ResultRow } from "../result.ts";
import { type Key, type Means, type Observed, statisticsKind } from "../statistics.ts";
import { countedPositions, type Study } from "../study.ts";

type Settings = SettingsOf<"layer-importance">;

interface Importance extends Key {
  readonly layer: number;
  readonly n: number;
  readonly component: "block" | "attn" | "mlp";
}

const all = statisticsKind<Settings>({
  name: "layer-importance",
  keys: [
    { name: "layer", type: "int", description: "the first of the n" },
    { name: "n", type: "int", description: "how many blocks lie between the two streams" },
    {
      name: "component",
      type: "string",
      description: "block; attn or mlp: the stream that it reads, before and after its output is added",
    },
  ],
  statistics: ["block_influence", "angular_distance"],
  shown: ["block_influence", "angular_distance"],
  quantiles: false,
  cells,
  jobs: (study, tokens) => [
    {
      tokens,
      schedules: [baselineSchedule(study.model.nLayers)],
      baseline: null,
      capture: ["residuals", "components"],
      capturePositions: countedPositions(study, tokens.length),
      readout: {},
    },
  ],
  read,
  summary: (_, means) => {
    const of = (component: Importance["component"]) =>
      means.cells.flatMap((key, cell) =>
        key.n === 1 && key.component === component ? [means.mean(cell, "block_influence")] : [],
      );
    return {
      block_influence_by_layer: of("block"),
      attn_influence_by_layer: of("attn"),
      mlp_influence_by_layer: of("mlp"),
      least_angular_distance: leastDistances(means),
    };
  },
});

type Output = Parameters<ReturnType<typeof all.fold>["add"]>[0];

/**
 * Block influence 1 − E cos(x_l, x_{l+1}) over the counted positions (ShortGPT, arXiv 2403.03853), and at the last token
 * the angular distance arccos(cos(x_l, x_{l+n}))/π for every n (Gromov et al., arXiv 2403.17887), 0 to 1. Of attention and
 * MLP alone both with cos(x, x + out), x what the component reads its stream from (arXiv 2406.15786): of parallel blocks
 * the block's own input for both.
 */
export const layerImportance: Kind<Settings, TextsInput, Output> = {
  ...all,
  fold(study): Fold<TextsInput, Output> {
    const fold = all.fold(study);
    // Block influence is of neighbours only.
    const measured = (rows: readonly ResultRow[]) =>
      rows.filter(({ n, statistic }) => n === 1 || statistic !== "block_influence");
    return {
      add: (output, input) => fold.add(output, input),
      progress: () => measured(fold.progress()).filter(({ n }) => n === 1),
      async finish() {
        const { summary, table } = await fold.finish();
        return { summary, table: { ...table, rows: measured(table.rows) } };
      },
    };
  },
};

function cells({ model: { nLayers } }: Study<Settings>): Importance[] {
  const spans = Array.from({ length: nLayers }, (_, i) => i + 1).flatMap((n) =>
    Array.from({ length: nLayers + 1 - n }, (_, layer): Importance => ({ layer, n, component: "block" })),
  );
  const halves = (["attn", "mlp"] as const).flatMap((component) =>
    Array.from({ length: nLayers }, (_, layer): Importance => ({ layer, n: 1, component })),
  );
  return [...spans, ...halves];
}

/** For every n the start whose n blocks turn the stream least: what pruning would take out first. */
function leastDistances(means: Means): { n: number; layer: number; angular_distance: number }[] {
  const least = new Map<number, { n: number; layer: number; angular_distance: number }>();
  for (const [cell, key] of (means.cells as readonly Importance[]).entries()) {
    const { n, layer, component } = key;
    const distance = means.mean(cell, "angular_distance");
    if (component === "block" && distance < (least.get(n)?.angular_distance ?? Number.POSITIVE_INFINITY))
      least.set(n, { n, layer, angular_distance: distance });
  }
  return [...least.values()];
}

type Values = Float32Array | Float64Array;

/** One text's, in the order of the cells. */
function read(study: Study<Settings>, [output]: readonly RunOutput[]): Observed {
  const { dModel: d, parallel } = study.model;
  const streams = streamsOf(output);
  const components = new Map(output?.layers.flatMap(({ components = [] }) => components).map((rows) => [rows.block, rows]));
  const angle = (from: Values, to: Values) => {
    const [cosine] = cosineOfRows(from.subarray(from.length - d), to.subarray(to.length - d), d);
    return Float64Array.of(angularDistance(cosine as number));
  };
  return cells(study).flatMap(({ layer, n, component }): ArrayLike<number>[] => {
    const before = streams[layer] as Float32Array;
    if (component === "block") {
      const after = streams[layer + n] as Float32Array;
      return [n === 1 ? influence(before, after, d) : [], angle(before, after)];
    }
    const rows = components.get(layer);
    const [attn, mlp] = [rows?.attnOut as Float32Array, rows?.mlpOut as Float32Array];
    const from = component === "attn" || parallel ? before : sum(before, attn);
    const to = sum(from, component === "attn" ? attn : mlp);
    return [influence(from, to, d), angle(from, to)];
  });
}

/** The stream after every step, the embedding's first. [L + 1][P, d] */
function streamsOf(output: RunOutput | undefined): Float32Array[] {
  const streams: Float32Array[] = [];
  for (const { step, residual } of output?.layers ?? []) if (residual) streams[step] = residual;
  return streams;
}

/** 1 − cos, row by row. */
function influence(from: Values, to: Values, d: number): Float64Array {
  return cosineOfRows(from, to, d).map((cosine) => 1 - cosine);
}

function sum(a: Values, b: Values): Float64Array {
  const result = new Float64Array(a.length);
  for (let i = 0; i < result.length; i++) result[i] = (a[i] as number) + (b[i] as number);
  return result;
}
