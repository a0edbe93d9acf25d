/** Neurons by class. */
import { countsOf, sumOf } from "../claims/stage-three.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { grouped } from "../text/numbers.ts";
import { filled, plainRows, type Table } from "../text/table.ts";

const NUMBER = { number: true } as const;

/** A row a model. null: not measured. */
export function censusTable(models: readonly ModelOutcomes[]): Table | null {
  return filled({
    wide: true,
    caption: "Neurons of all layers by what they write towards the vocabulary.",
    columns: [
      { name: "model" },
      { name: "neurons", ...NUMBER },
      { name: "prediction", ...NUMBER },
      { name: "suppression", ...NUMBER },
      { name: "signs" },
      { name: "weights" },
    ],
    groups: plainRows(
      models.flatMap((of) => {
        const result = resultOf(of, "neuron-census");
        if (!result) return [];
        const total = (name: "prediction" | "suppression") => {
          const counts = countsOf(result, name);
          return counts ? grouped(sumOf(counts)) : "–";
        };
        const both = countsOf(result, "prediction_or_suppression");
        const { n_layers, d_mlp } = result.model;
        const signs =
          { stored: "of the weights", measured: "measured on the texts" }[String(result.summary.signs)] ?? "not known";
        return [
          [
            of.model.id,
            grouped(n_layers * d_mlp),
            both ? `${grouped(sumOf(both))} of either` : total("prediction"),
            both ? "" : total("suppression"),
            signs,
            String(result.settings.weights),
          ],
        ];
      }),
    ),
  });
}
