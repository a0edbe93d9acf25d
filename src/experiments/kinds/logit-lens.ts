import { baselineSchedule } from "../../engine/schedule.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import { statisticsKind } from "../statistics.ts";
import { countedPositions } from "../study.ts";

type Settings = SettingsOf<"logit-lens">;

/** How far each layer's reading is from the model's output, and how sure it is (figures 6 left and 8). */
export const logitLens = statisticsKind<Settings>({
  name: "logit-lens",
  keys: [{ name: "layer", type: "int", description: "−1: the embedding, then after each block" }],
  statistics: ["kl_final_nats", "entropy_bits"],
  shown: ["kl_final_nats", "entropy_bits"],
  quantiles: true,
  cells: ({ model }) => Array.from({ length: model.nLayers + 1 }, (_, i) => ({ layer: i - 1 })),
  jobs: (study, tokens) => [
    {
      tokens,
      schedules: [baselineSchedule(study.model.nLayers)],
      baseline: null,
      readout: { positions: countedPositions(study, tokens.length), layers: "all", lens: study.settings.lens },
    },
  ],
  read: ({ model }, [output]) => {
    const steps = new Map(output?.layers.map(({ step, readout }) => [step, readout]));
    const divergences = new Map(output?.result.variants[0]?.layers.map(({ step, klFinalNats }) => [step, klFinalNats]));
    return Array.from({ length: model.nLayers + 1 }, (_, step) => [
      divergences.get(step) ?? [],
      steps.get(step)?.entropyBits ?? [],
    ]).flat();
  },
  summary: (_, means) => ({
    kl_final_nats_by_layer: means.cells.map((_, cell) => means.mean(cell, "kl_final_nats")),
    entropy_bits_by_layer: means.cells.map((_, cell) => means.mean(cell, "entropy_bits")),
  }),
});
