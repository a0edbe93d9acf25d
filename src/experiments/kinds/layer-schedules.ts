import type { Schedule } from "../../engine/schedule.ts";
import { compileVariants } from "../../interventions/compile.ts";
import { pcg32, shuffled } from "../../metrics/pcg32.ts";
import type { ServedModel } from "../../runs/served-models.ts";
import { refuse } from "../../runs/tokens.ts";
import { wordsOf } from "../../runs/words.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import type { Operation } from "../../schemas/operations.ts";
import { type Key, type Means, statisticsKind } from "../statistics.ts";
import type { Study } from "../study.ts";
import { COMPARISON_STATISTICS, comparisonJobs, comparisonsOf, comparisonValues } from "./comparisons.ts";

type Settings = SettingsOf<"layer-schedules">;

interface ScheduleKey extends Key {
  readonly operation: Settings["operations"][number];
  readonly start: number;
}

/** Of a smaller middle nothing can be reordered. */
const SMALLEST_MIDDLE = 2;

/**
 * The middle layers M = s+1 … L−s−1 for every start s, run in other ways (Transformer Layers as Painters, arXiv 2407.09298):
 * left out; in reverse; in an order drawn from the experiment's seed; side by side, x ← mean over M of block(x); that so
 * many times; or all of them replaced by the model's middle block ⌊L/2⌋. Head 0 … s and tail stay. Ours: starts as long as M
 * has two blocks, and one order per start,
 * which is never the one that the layers have.
 */
export const layerSchedules = statisticsKind<Settings>({
  name: "layer-schedules",
  keys: [
    { name: "operation", type: "string", description: "what becomes of the middle" },
    { name: "start", type: "int", description: "s: the middle is s+1 … L−s−1" },
  ],
  statistics: COMPARISON_STATISTICS,
  shown: ["kl_nats", "top1_agreement"],
  quantiles: true,
  cells,
  check({ model }) {
    const least = SMALLEST_MIDDLE + 1;
    if (model.nLayers < least)
      refuse(
        "/model",
        `${model.id} has ${model.nLayers} ${model.nLayers === 1 ? "layer" : "layers"}; a middle of ${SMALLEST_MIDDLE} after the first one takes at least ${least}`,
      );
    return undefined;
  },
  jobs: (study, tokens, model) => {
    const [baseline, ...variants] = schedules(study, tokens.length, model);
    return comparisonJobs(study, tokens, baseline as Schedule, variants);
  },
  read: (_, outputs) => comparisonsOf(outputs).flatMap(comparisonValues),
  summary: (study, means) =>
    Object.fromEntries(study.settings.operations.map((operation) => [operation, ofOperation(means, operation)])),
});

function cells({ settings, model: { nLayers } }: Study<Settings>): ScheduleKey[] {
  const starts = Math.max(0, Math.floor((nLayers - 1 - SMALLEST_MIDDLE) / 2) + 1);
  return settings.operations.flatMap((operation) => Array.from({ length: starts }, (_, start) => ({ operation, start })));
}

/** The baseline, then one for every cell. */
function schedules(study: Study<Settings>, tokenCount: number, model: ServedModel): Schedule[] {
  const variants = Object.fromEntries(
    cells(study).map(({ operation, start }) => [`${operation}.${start}`, [operationOf(operation, start, study)]]),
  );
  const words = wordsOf(model, study.prependBos, new Map());
  return compileVariants({ variants, baseline: true }, model, tokenCount, words).schedules;
}

/** The first seed from `seed` on that deals `count` layers in another order than they have. */
function seedOfAnotherOrder(count: number, seed: number): number {
  const ordered = Array.from({ length: count }, (_, i) => i);
  for (let each = seed; ; each++) if (shuffled(ordered, pcg32(each)).some((layer, i) => layer !== i)) return each;
}

function operationOf(operation: ScheduleKey["operation"], start: number, { model, settings, seed }: Study<Settings>): Operation {
  const from = start + 1;
  const to = model.nLayers - start - 1;
  const layers = { from, to };
  switch (operation) {
    case "skip":
      return { op: "delete", layers };
    case "reverse":
      return { op: "reverse", layers };
    case "shuffle":
      return { op: "shuffle", layers, seed: seedOfAnotherOrder(to - from + 1, seed) };
    case "parallel":
      return { op: "parallel", layers, times: 1 };
    case "loop-parallel":
      return { op: "parallel", layers, times: settings.times };
    case "repeat-middle": {
      const centre = Math.floor(model.nLayers / 2);
      const all = Array.from({ length: model.nLayers }, (_, block) => (block < from || block > to ? block : centre));
      return { op: "order", layers: all };
    }
  }
}

function ofOperation(means: Means, operation: string) {
  return means.cells.flatMap((key, cell) =>
    key.operation === operation
      ? [{ start: key.start, kl_nats: means.mean(cell, "kl_nats"), top1_agreement: means.mean(cell, "top1_agreement") }]
      : [],
  );
}
