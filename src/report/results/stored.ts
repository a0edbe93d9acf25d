/** A report's results as they lie in its folder: everything but the rows in `report.json`, the rows in its tables. */
import { z } from "zod";
import { Problem } from "../../problem.ts";
import { ExperimentResult } from "../../schemas/experiments/experiment.ts";
import { rowsOfCsv } from "./csv.ts";
import { type ModelOutcomes, type Outcome, tablePath } from "./outcome.ts";

const Completed = z.object({
  state: z.literal("completed"),
  refused: z.array(z.string()),
  result: ExperimentResult.omit({ rows: true, id: true }),
});

const Missing = z.object({ state: z.enum(["refused", "failed"]), reason: z.string() });

const Model = z.object({
  id: z.string(),
  family: z.string(),
  revision: z.string(),
  nLayers: z.int(),
  dModel: z.int(),
  nHeads: z.int(),
  dMlp: z.int(),
  vocabSize: z.int(),
  contextLength: z.int(),
  device: z.string().nullable(),
  precision: z.string().nullable(),
  half: z.enum(["kept", "folded"]).nullable(),
});

const Stored = z.object({
  command: z.string(),
  models: z.array(
    z.object({ model: Model, outcomes: z.record(z.string(), z.discriminatedUnion("state", [Completed, Missing])) }),
  ),
});

/** What a report is made from. */
export interface ReportResults {
  /** What makes it again. */
  readonly command: string;
  readonly models: readonly ModelOutcomes[];
}

/** The text of `report.json`. Experiments have no ids in it: the same numbers are the same bytes, whenever they were computed. */
export function storedText({ command, models }: ReportResults): string {
  const stored: z.input<typeof Stored> = {
    command,
    models: models.map(({ model, outcomes }) => ({
      model,
      outcomes: Object.fromEntries([...outcomes].map(([id, outcome]) => [id, storedOutcome(outcome)])),
    })),
  };
  return `${JSON.stringify(Stored.parse(stored), null, 1)}\n`;
}

function storedOutcome(outcome: Outcome): z.input<typeof Completed | typeof Missing> {
  if (outcome.state !== "completed") return outcome;
  const { table, ...result } = outcome.result;
  return {
    state: "completed",
    refused: [...outcome.refused],
    result: { ...result, columns: [...table.columns] } as z.input<typeof Completed>["result"],
  };
}

/** The results again. `tableAt`: the text of a table by its path in the folder. Throws `invalid_request` where they are none. */
export function storedResults(text: string, tableAt: (path: string) => string): ReportResults {
  const { command, models } = parsed(text);
  return {
    command,
    models: models.map(({ model, outcomes }) => ({
      model,
      outcomes: new Map(
        Object.entries(outcomes).map(([id, outcome]): [string, Outcome] => {
          if (outcome.state !== "completed") return [id, outcome];
          const { columns, ...result } = outcome.result;
          const path = tablePath(model.id, id);
          const table = { columns, rows: rowsOfCsv(tableAt(path), columns, path) };
          return [id, { ...outcome, result: { ...result, id, table } }];
        }),
      ),
    })),
  };
}

function parsed(text: string): z.output<typeof Stored> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Problem("invalid_request", `report.json is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { data, error } = Stored.safeParse(json);
  if (data) return data;
  const [issue] = error.issues;
  throw new Problem("invalid_request", `report.json is no report of this version: ${issue?.path.join(".")}: ${issue?.message}.`);
}
