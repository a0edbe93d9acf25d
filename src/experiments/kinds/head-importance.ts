import type { Schedule } from "../../engine/schedule.ts";
import { listLayers } from "../../interventions/named.ts";
import type { ServedModel } from "../../runs/served-models.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import type { Variants } from "../../schemas/run-request.ts";
import { chunksOf } from "../chunks.ts";
import { type Key, statisticsKind } from "../statistics.ts";
import type { Study } from "../study.ts";
import { COMPARISON_STATISTICS, comparisonJobs, comparisonsOf, comparisonValues, VARIANTS_PER_JOB } from "./comparisons.ts";
import { checkOperations, compileFor, emptyVectors, filledVectors } from "./compiled.ts";

type Settings = SettingsOf<"head-importance">;

interface Head extends Key {
  readonly layer: number;
  readonly head: number;
}

/** Heads that the summary names. */
const NAMED = 16;

/**
 * Every head by itself put out, against the untouched model: its z, before the output projection, zero (as stored: that
 * takes b_V·W_O with it) or its mean over other texts. All heads of a layer run as one batch, beside the baseline.
 */
export const headImportance = statisticsKind<Settings>({
  name: "head-importance",
  keys: [
    { name: "layer", type: "int", description: "" },
    { name: "head", type: "int", description: "the one that is ablated" },
  ],
  statistics: COMPARISON_STATISTICS,
  shown: ["kl_nats", "top1_agreement"],
  quantiles: false,
  cells: (study) => headsOf(study),
  async check(ask, { tokens }) {
    const layers = ask.settings.layers;
    if (layers) listLayers(layers, "/settings/layers", ask.model);
    const place = (pointer: string) => pointer.replace(/^\/variants\/[^/]+\/0\/with/, "/settings/with");
    return { ...(await checkOperations(variantsOf(ask), ask, tokens, place)) };
  },
  jobs(study, tokens, model) {
    const { baseline, variants, resources } = compiled(study, model, tokens.length);
    // Whole layers, as many as fit: they share the baseline.
    const layers = Math.max(1, Math.floor(VARIANTS_PER_JOB / study.model.nHeads));
    return chunksOf(variants, layers * study.model.nHeads).flatMap(({ items }) =>
      comparisonJobs(study, tokens, baseline, items, { vectors: emptyVectors(resources) }),
    );
  },
  vectors: (study, lab, tokenCount) => filledVectors(compiled(study, lab.model, tokenCount).resources, lab),
  read: (_, outputs) => outputs.flatMap((output) => comparisonsOf([output])).flatMap(comparisonValues),
  summary: (_, means) => {
    const heads = means.cells.map((key, cell) => ({
      ...key,
      kl_nats: means.mean(cell, "kl_nats"),
      loss_change_nats: means.mean(cell, "loss_change_nats"),
    }));
    return { most_important: heads.sort((a, b) => b.kl_nats - a.kl_nats).slice(0, NAMED) };
  },
});

function headsOf({ settings, model }: Pick<Study<Settings>, "settings" | "model">): Head[] {
  const layers = listLayers(settings.layers ?? { from: 0, to: model.nLayers - 1 }, "/settings/layers", model);
  return layers.flatMap(({ block }) => Array.from({ length: model.nHeads }, (_, head) => ({ layer: block, head })));
}

/** One for every head, in order; `h.layer.head`. */
function variantsOf(of: Pick<Study<Settings>, "settings" | "model">): Variants {
  const how = of.settings.with;
  return Object.fromEntries(
    headsOf(of).map(({ layer, head }) => [
      `h.${layer}.${head}`,
      [{ op: "ablate", component: "head", layers: [layer], heads: [head], with: how, positions: "all" }],
    ]),
  );
}

function compiled(study: Study<Settings>, model: ServedModel, tokenCount: number) {
  const { schedules, resources } = compileFor(study, () => variantsOf(study), model, tokenCount);
  const [baseline, ...variants] = schedules;
  return { baseline: baseline as Schedule, variants, resources };
}
