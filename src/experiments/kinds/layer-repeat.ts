import { baselineSchedule } from "../../engine/schedule.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import { type Key, type Means, statisticsKind } from "../statistics.ts";
import type { Study } from "../study.ts";
import { COMPARISON_STATISTICS, comparisonJobs, comparisonsOf, comparisonValues } from "./comparisons.ts";

type Settings = SettingsOf<"layer-repeat">;

/** Every layer run `times` times in its place, against the untouched model (arXiv 2407.09298, and the paper's later versions). */
export const layerRepeat = statisticsKind<Settings>({
  name: "layer-repeat",
  keys: [{ name: "layer", type: "int", description: "the one that is repeated" }],
  statistics: COMPARISON_STATISTICS,
  shown: ["kl_nats", "top1_agreement"],
  quantiles: true,
  cells,
  jobs: (study, tokens) => {
    const baseline = baselineSchedule(study.model.nLayers);
    const variants = cells(study).map(({ layer }) => ({
      name: `repeat.${layer}`,
      steps: baseline.steps.flatMap((step, i) => (i === layer ? Array<typeof step>(study.settings.times).fill(step) : [step])),
    }));
    return comparisonJobs(study, tokens, baseline, variants);
  },
  read: (_, outputs) => comparisonsOf(outputs).flatMap(comparisonValues),
  summary: ({ settings }, means) => ({
    times: settings.times,
    kl_nats_by_layer: byLayer(means, "kl_nats"),
    top1_agreement_by_layer: byLayer(means, "top1_agreement"),
  }),
});

function cells({ model }: Study<Settings>): Key[] {
  return Array.from({ length: model.nLayers }, (_, layer) => ({ layer }));
}

function byLayer(means: Means, statistic: string): number[] {
  return means.cells.map((_, cell) => means.mean(cell, statistic));
}
