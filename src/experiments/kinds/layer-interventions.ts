import { baselineSchedule, type Schedule } from "../../engine/schedule.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import { type Key, type Means, statisticsKind } from "../statistics.ts";
import type { Study } from "../study.ts";
import { COMPARISON_STATISTICS, comparisonJobs, comparisonsOf, comparisonValues, pairedDifference } from "./comparisons.ts";

type Settings = SettingsOf<"layer-interventions">;

/** Every single deletion and every swap of neighbours, against the untouched model (figure 3). */
export const layerInterventions = statisticsKind<Settings>({
  name: "layer-interventions",
  keys: [
    { name: "operation", type: "string", description: "delete, swap, or swap_minus_delete: the paired difference per token" },
    { name: "layer", type: "int", description: "of a swap the first of the two" },
  ],
  statistics: COMPARISON_STATISTICS,
  shown: ["kl_nats", "top1_agreement"],
  quantiles: true,
  cells: (study) => [...variantKeys(study), ...pairs(study).map((layer) => ({ operation: "swap_minus_delete", layer }))],
  jobs: (study, tokens) => {
    const baseline = baselineSchedule(study.model.nLayers);
    return comparisonJobs(
      study,
      tokens,
      baseline,
      variantKeys(study).map((key) => scheduleOf(baseline, key)),
    );
  },
  read: (study, outputs) => {
    const values = comparisonsOf(outputs).map(comparisonValues);
    const paired = pairs(study).map((layer) => {
      const swap = values[study.model.nLayers + layer] as Float64Array[];
      return pairedDifference(swap, values[layer] as Float64Array[]);
    });
    return [...values, ...paired].flat();
  },
  summary: (study, means) => ({
    top1_agreement_delete: keptShare(study, means, "delete"),
    top1_agreement_swap: keptShare(study, means, "swap"),
  }),
});

interface VariantKey extends Key {
  readonly operation: "delete" | "swap";
  readonly layer: number;
}

function variantKeys({ settings, model }: Study<Settings>): VariantKey[] {
  const count = { delete: model.nLayers, swap: model.nLayers - 1 };
  return (["delete", "swap"] as const)
    .filter((operation) => settings.operations.includes(operation))
    .flatMap((operation) => Array.from({ length: count[operation] }, (_, layer) => ({ operation, layer })));
}

/** Layers whose swap and deletion are both there. */
function pairs({ settings, model }: Study<Settings>): number[] {
  return settings.operations.length === 2 ? [...Array(Math.max(0, model.nLayers - 1)).keys()] : [];
}

function scheduleOf({ steps }: Schedule, { operation, layer }: VariantKey): Schedule {
  const name = `${operation}.${layer}`;
  if (operation === "delete") return { name, steps: steps.filter((_, i) => i !== layer) };
  const swapped = [...steps];
  [swapped[layer], swapped[layer + 1]] = [steps[layer + 1] as never, steps[layer] as never];
  return { name, steps: swapped };
}

/** The headline of the paper: 72 to 95 % of top predictions are kept; the first and the last layer stand apart. */
function keptShare({ model }: Study<Settings>, means: Means, operation: VariantKey["operation"]) {
  const share = (of: (layer: number) => boolean) => {
    const shares = means.cells
      .map((key, cell) => ({ key, mean: means.mean(cell, "top1_agreement") }))
      .filter(({ key, mean }) => key.operation === operation && of(key.layer as number) && Number.isFinite(mean))
      .map(({ mean }) => mean);
    if (shares.length === 0) return null;
    return {
      mean: shares.reduce((sum, value) => sum + value, 0) / shares.length,
      least: Math.min(...shares),
      most: Math.max(...shares),
    };
  };
  const last = operation === "delete" ? model.nLayers - 1 : model.nLayers - 2;
  const middle = share((layer) => layer > 0 && layer < last);
  return middle && { middle, first: share((layer) => layer === 0)?.mean, last: share((layer) => layer === last)?.mean };
}
