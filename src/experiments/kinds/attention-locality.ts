import { baselineSchedule } from "../../engine/schedule.ts";
import { LOCALITY_OFFSETS } from "../../metrics/attention-locality.ts";
import { refuse } from "../../runs/tokens.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import { type Key, statisticsKind } from "../statistics.ts";
import { longestText, type Study } from "../study.ts";

type Settings = SettingsOf<"attention-locality">;

const STATISTICS = ["per_cell", "total", "total_without_bos"] as const;

/** How much attention goes to the previous k tokens (figure 4): one observation a text that has more than k. */
export const attentionLocality = statisticsKind<Settings>({
  name: "attention-locality",
  keys: [
    { name: "layer", type: "int", description: "" },
    { name: "head", type: "int", description: "null: the mean over the layer's heads" },
    { name: "k", type: "int", description: "how many offsets back" },
  ],
  statistics: STATISTICS,
  shown: ["per_cell"],
  quantiles: false,
  cells,
  check({ settings }, { lengths }) {
    if (settings.k >= lengths.most)
      refuse("/settings/k", `${settings.k} offsets are more than texts of ${lengths.most} tokens have, ${lengths.most - 1}`);
    return undefined;
  },
  jobs: ({ model }, tokens) => [
    {
      tokens,
      schedules: [baselineSchedule(model.nLayers)],
      baseline: null,
      capture: ["attention_locality"],
      readout: {},
    },
  ],
  read: (study, [output]) => {
    const locality = new Map(output?.layers.flatMap(({ locality = [] }) => locality).map((rows) => [rows.block, rows]));
    return cells(study).flatMap(({ layer, head, k }) => {
      const rows = locality.get(layer as number);
      return [rows?.perCell, rows?.total, rows?.totalWithoutBos].map((table) => {
        const heads = table?.[(k as number) - 1];
        // A text of k tokens or fewer has nothing k before.
        if (!heads) return [];
        return Float64Array.of(
          head === null ? heads.reduce((sum, x) => sum + x, 0) / heads.length : (heads[head as number] as number),
        );
      });
    });
  },
  summary: (study, means) => {
    const layers = means.cells.flatMap((key, cell) =>
      key.head === null && key.k === study.settings.k ? [{ layer: key.layer, value: means.mean(cell, "per_cell") }] : [],
    );
    const peak = layers.reduce((best, each) => (each.value > best.value ? each : best), { layer: null as never, value: -1 });
    return { k: study.settings.k, per_cell_by_layer: layers.map(({ value }) => value), peak_layer: peak.layer };
  },
});

function cells(study: Study<Settings>): Key[] {
  const { model } = study;
  const most = Math.min(LOCALITY_OFFSETS, longestText(study) - 1);
  const heads = [null, ...Array(model.nHeads).keys()];
  return [...Array(model.nLayers).keys()].flatMap((layer) =>
    heads.flatMap((head) => Array.from({ length: most }, (_, i) => ({ layer, head, k: i + 1 }))),
  );
}
