/** The tables of a completed experiment: the result's, and those that are made from its chunks as they are read. */
import { Problem } from "../problem.ts";
import type { ModelSource } from "../runs/served-models.ts";
import type { Experiments } from "./experiments.ts";
import { kindOf } from "./kinds/index.ts";
import type { Column, ExperimentResult, ResultRow } from "./result.ts";

/** The result's own table. */
export const MAIN_TABLE = "result";

export interface TableSource {
  readonly columns: readonly Column[];
  readonly batches: AsyncIterable<readonly ResultRow[]>;
  readonly about: ExperimentResult;
}

/** A table by its name. Throws `not_found` with those that there are, and what `Experiments.result` throws. */
export async function tableOf(experiments: Experiments, models: ModelSource, id: string, name: string): Promise<TableSource> {
  const about = await experiments.result(id);
  if (name === MAIN_TABLE) return { columns: about.table.columns, batches: once(about.table.rows), about };
  const study = await experiments.study(id);
  const { tables = {} } = kindOf(study.kind);
  const table = Object.hasOwn(tables, name) ? tables[name] : undefined;
  if (!table?.has(study)) {
    const there = [MAIN_TABLE, ...Object.keys(tables).filter((each) => tables[each]?.has(study))];
    throw new Problem(
      "not_found",
      `The experiment has no table ${JSON.stringify(name.slice(0, 100))}; there ${there.length === 1 ? "is" : "are"} ${there.join(", ")}.`,
    );
  }
  const { tokenizer } = await models.get(study.model.id);
  async function* batches() {
    for await (const chunk of experiments.chunks(id)) yield table?.rows(study, chunk, tokenizer) ?? [];
  }
  return { columns: table.columns(study), batches: batches(), about };
}

async function* once<T>(value: T): AsyncGenerator<T, void, void> {
  yield value;
}
