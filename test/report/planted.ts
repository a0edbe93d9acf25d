/** Results with planted numbers, and reports of them. */

import { type ExperimentResult, MEAN_COLUMNS, type ResultRow } from "../../src/experiments/result.ts";
import type { Claim, Finding } from "../../src/report/claims/claim.ts";
import { CLAIM_GROUPS } from "../../src/report/claims/index.ts";
import { PAPER_EXPERIMENTS } from "../../src/report/plan/catalogue.ts";
import type { ModelOutcomes, Outcome } from "../../src/report/results/outcome.ts";
import { resultOf, type Shape, SMALL } from "../experiments/figures/results.ts";

type Changes = Partial<Pick<ExperimentResult, "summary" | "settings">> & { readonly layers?: number };

/** A result of these rows alone; rows without `sem` have one of 0. */
export function planted(kind: string, rows: readonly ResultRow[], { layers = 12, ...changes }: Changes = {}): ExperimentResult {
  const like = resultOf("component-norms", { ...SMALL, layers });
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))].map((name) => ({
    name,
    type: "float" as const,
    description: "",
  }));
  const columns = [...keys, ...MEAN_COLUMNS.filter(({ name }) => keys.every((key) => key.name !== name))];
  const whole = rows.map((row) => ({ std: 0, sem: 0, count: 100, ...row }));
  return { ...like, kind, settings: {}, summary: {}, table: { columns, rows: whole }, ...changes };
}

/** A value of each layer. */
export function byLayer(statistic: string, values: readonly number[], keys: ResultRow = {}, axis = "layer"): ResultRow[] {
  return values.map((mean, at) => ({ ...keys, [axis]: at, statistic, mean }));
}

/** A model with these outcomes, by the catalogue's ids. */
export function modelOf(outcomes: Readonly<Record<string, ExperimentResult | Outcome>>, id = "prose-6m"): ModelOutcomes {
  const [first] = Object.values(outcomes).flatMap((each) => ("table" in each ? [each] : []));
  return {
    model: {
      ...{ id, family: "gpt2", revision: "b".repeat(64), nLayers: first?.model.n_layers ?? 12, dModel: 192, nHeads: 6 },
      ...{ dMlp: 768, vocabSize: 4096, contextLength: 256, device: "cpu", precision: "float32", half: "folded" as const },
    },
    outcomes: new Map(
      Object.entries(outcomes).map(([name, each]) => [
        name,
        "table" in each ? { state: "completed", result: each, refused: [] } : each,
      ]),
    ),
  };
}

/** Results of every experiment of the catalogue, with made-up numbers. */
export function wholeModel(shape: Shape, changes: Readonly<Record<string, Outcome>> = {}): ModelOutcomes {
  const results = PAPER_EXPERIMENTS.map(({ id, kind, attempts }) => {
    const result = resultOf(kind, shape);
    return [id, { ...result, settings: { ...result.settings, ...attempts[0].settings } }] as const;
  });
  return modelOf({ ...Object.fromEntries(results), ...changes }, shape.id);
}

/** What is found of the claim with this id. Throws where it was not measured. */
export function findingOf(id: string, of: ModelOutcomes): Finding {
  const claim = claimOf(id);
  const finding = claim.judge(of);
  if (!finding) throw new Error(`${id} was not measured`);
  return finding;
}

export function claimOf(id: string): Claim {
  const claim = CLAIM_GROUPS.flatMap(({ claims }) => claims).find((each) => each.id === id);
  if (!claim) throw new Error(`there is no claim ${id}`);
  return claim;
}
