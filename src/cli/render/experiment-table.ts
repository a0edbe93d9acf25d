/** An experiment's result as a table: a line for each cell, its statistics side by side. */
import type { ExperimentResult } from "../../schemas/experiments/experiment.ts";
import { measure } from "./numbers.ts";
import { cut, left, right } from "./text.ts";
import type { View } from "./view.ts";

/** Lines that are shown; the rest is in the files. */
const MOST_LINES = 48;
const NUMBER = 16;
const STATISTIC_COLUMNS = new Set(["statistic", "mean", "std", "sem", "count", "q05", "q25", "q50", "q75", "q95"]);

export function experimentTable(result: ExperimentResult, view: View): string[] {
  const { bold, dim } = view.colours;
  const keys = result.columns.map(({ name }) => name).filter((name) => !STATISTIC_COLUMNS.has(name));
  const statistics = [...new Set(result.rows.map(({ statistic }) => String(statistic)))];
  const cells = new Map<string, { readonly keys: string[]; readonly values: Map<string, string> }>();
  for (const row of result.rows) {
    const shown = keys.map((key) => String(row[key] ?? "–"));
    const cell = cells.get(shown.join("\0")) ?? { keys: shown, values: new Map() };
    cells.set(shown.join("\0"), cell);
    cell.values.set(String(row.statistic), meanAndError(row.mean, row.sem));
  }
  const widths = keys.map((key, i) => Math.max(key.length, ...[...cells.values()].map((cell) => (cell.keys[i] ?? "").length)));
  const used = widths.reduce((sum, width) => sum + width + 1, 1);
  const room = Math.max(1, Math.floor((view.width - used) / (NUMBER + 1)));
  const columns = statistics.slice(0, room);
  const lines = [...cells.values()].slice(0, MOST_LINES).map(({ keys: shown, values }) => {
    const label = shown.map((key, i) => left(key, widths[i] ?? 0)).join(" ");
    return ` ${dim(label)} ${columns.map((statistic) => right(values.get(statistic) ?? "", NUMBER)).join(" ")}`;
  });
  const left_out = [
    ...(cells.size > MOST_LINES ? [`${cells.size - MOST_LINES} more lines`] : []),
    ...(statistics.length > columns.length ? [`also ${statistics.slice(room).join(", ")}`] : []),
  ];
  return [
    ` ${bold(result.kind)} ${dim(`of ${result.model.id}${ofTexts(result)}`)}`,
    "",
    ` ${dim(keys.map((key, i) => left(key, widths[i] ?? 0)).join(" "))} ${dim(columns.map((name) => right(cut(name, NUMBER), NUMBER)).join(" "))}`,
    ...lines,
    ...(left_out.length > 0 ? ["", ` ${dim(`${left_out.join("; ")}: --out FILE has everything`)}`] : []),
  ];
}

function ofTexts({ data, tokens_per_text }: ExperimentResult): string {
  if (!data) return "";
  const cutTo = tokens_per_text === null ? "" : ` of ${tokens_per_text} tokens`;
  return `, ${data.texts} ${data.texts === 1 ? "text" : "texts"}${cutTo}`;
}

function meanAndError(mean: unknown, sem: unknown): string {
  const value = measure(typeof mean === "number" ? mean : null);
  return typeof sem === "number" ? `${value} ± ${measure(sem)}` : value;
}
