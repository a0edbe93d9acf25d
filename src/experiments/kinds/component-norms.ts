import type { NormRows } from "../../engine/protocol.ts";
import { baselineSchedule } from "../../engine/schedule.ts";
import { ClusteredRatio } from "../../metrics/clustered-mean.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import type { TextsInput } from "../chunks.ts";
import type { Fold } from "../kind.ts";
import type { ResultRow } from "../result.ts";
import { type MadeOfStatistics, statisticsKind } from "../statistics.ts";
import { countedPositions, type Study } from "../study.ts";

type Settings = SettingsOf<"component-norms">;

const STATISTICS = ["attn_out_norm", "mlp_out_norm", "resid_post_norm", "mean_of_ratios"] as const;

const means = statisticsKind<Settings>({
  name: "component-norms",
  keys: [{ name: "layer", type: "int", description: "" }],
  statistics: STATISTICS,
  shown: ["attn_out_norm", "mlp_out_norm", "mean_of_ratios"],
  quantiles: true,
  cells: ({ model }) => Array.from({ length: model.nLayers }, (_, layer) => ({ layer })),
  jobs: (study, tokens) => [
    {
      tokens,
      schedules: [baselineSchedule(study.model.nLayers)],
      baseline: null,
      capture: ["norms"],
      capturePositions: countedPositions(study, tokens.length),
      readout: {},
    },
  ],
  read: (_, [output]) =>
    (output?.layers ?? [])
      .filter(({ step, norms }) => step > 0 && norms)
      .sort((a, b) => a.step - b.step)
      .flatMap(({ norms }) => {
        const { attnOut, mlpOut, residPost } = norms as NormRows;
        const [attn, mlp] = [attnOut ?? new Float32Array(), mlpOut ?? new Float32Array()];
        return [attn, mlp, residPost, Float64Array.from(attn, (norm, i) => norm / (mlp[i] as number))];
      }),
  summary: (_, all) => ({ mean_of_ratios_by_layer: all.cells.map((_, cell) => all.mean(cell, "mean_of_ratios")) }),
});

type Output = Parameters<ReturnType<typeof means.fold>["add"]>[0];

/** ‖attn_out‖₂, ‖mlp_out‖₂, ‖resid_post‖₂ and the ratio of the first two, as mean of ratios and as ratio of means (figures 5 and 7). */
export const componentNorms: MadeOfStatistics<Settings> = { ...means, fold: (study) => new NormsFold(study) };

/** The statistics of the means, and after each layer's the ratio of its means. */
class NormsFold implements Fold<TextsInput, Output> {
  readonly #means: ReturnType<typeof means.fold>;
  readonly #ratios: readonly ClusteredRatio[];

  constructor(study: Study<Settings>) {
    this.#means = means.fold(study);
    this.#ratios = Array.from({ length: study.model.nLayers }, () => new ClusteredRatio());
  }

  add(output: Output, input: TextsInput): void {
    this.#means.add(output, input);
    const width = this.#ratios.length * STATISTICS.length;
    for (let text = 0; text < output.moments.length / (width * 3); text++) {
      for (const [layer, ratio] of this.#ratios.entries()) {
        const at = (text * width + layer * STATISTICS.length) * 3;
        const [count = 0, attn = 0, , , mlp = 0] = output.moments.subarray(at, at + 6);
        ratio.add(attn * count, mlp * count, count);
      }
    }
  }

  progress(): readonly ResultRow[] {
    return this.#means.progress();
  }

  async finish() {
    const { summary, table } = await this.#means.finish();
    const none = Object.fromEntries(table.columns.map(({ name }) => [name, null]));
    const ratios = this.#ratios.map((each) => each.finish());
    const rows = ratios.flatMap(({ ratio, sem, count }, layer): ResultRow[] => [
      ...table.rows.filter((row) => row.layer === layer),
      { ...none, layer, statistic: "ratio_of_means", mean: Number.isFinite(ratio) ? ratio : null, sem, count },
    ]);
    return { summary: { ...summary, ratio_of_means_by_layer: ratios.map(({ ratio }) => ratio) }, table: { ...table, rows } };
  }
}
