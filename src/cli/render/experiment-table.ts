/** An experiment's result as a table: a line for each cell, its statistics side by side. */
import type { ExperimentResult } from "../../schemas/experiments/experiment.ts";
import { significant } from "./numbers.ts";
import { left, right } from "./text.ts";
import type { View } from "./view.ts";

/** Lines that are shown; the rest is in the files. */
const MOST_LINES = 48;
const STATISTIC_COLUMNS = new Set(["statistic", "mean", "std", "sem", "count", "q05", "q25", "q50", "q75", "q95"]);

export function experimentTable(result: ExperimentResult, view: View): string[] {
  const { bold, dim } = view.colours;
  const { keys, statistics, cells } = cellsOf(result);
  const widths = keys.map((key, i) => Math.max(key.length, ...cells.map((cell) => (cell.keys[i] ?? "").length)));
  const columns = statistics.map((name) => ({
    name,
    width: Math.max(name.length, ...cells.map(({ values }) => (values.get(name) ?? "").length)),
  }));
  const shown = fitting(columns, view.width - 1 - widths.reduce((sum, width) => sum + width + 1, 0));
  const line = (labels: readonly string[], values: (name: string) => string) =>
    [
      dim(labels.map((label, i) => left(label, widths[i] ?? 0)).join(" ")),
      ...shown.map(({ name, width }) => right(values(name), width)),
    ].join(" ");
  const leftOut = [
    ...(cells.length > MOST_LINES ? [`${cells.length - MOST_LINES} more lines`] : []),
    ...(shown.length < columns.length
      ? [
          `also ${columns
            .slice(shown.length)
            .map(({ name }) => name)
            .join(", ")}`,
        ]
      : []),
  ];
  return [
    ` ${bold(result.kind)} ${dim(`of ${result.model.id}${ofTexts(result)}`)}`,
    "",
    ` ${dim(line(keys, (name) => name))}`,
    ...cells.slice(0, MOST_LINES).map((cell) => ` ${line(cell.keys, (name) => cell.values.get(name) ?? "")}`),
    ...(leftOut.length > 0 ? ["", ` ${dim(`${leftOut.join("; ")}: --out FILE has everything`)}`] : []),
  ];
}

/** As many columns as there is room for, the first in any case. */
function fitting<T extends { readonly width: number }>(columns: readonly T[], room: number): readonly T[] {
  let used = 0;
  const first = columns.findIndex(({ width }, i) => {
    used += width + 1;
    return i > 0 && used > room;
  });
  return first < 0 ? columns : columns.slice(0, first);
}

interface Cell {
  readonly keys: string[];
  readonly values: Map<string, string>;
}

/** Rows that differ by their statistic alone, together; rows without one as they are. */
function cellsOf({ columns, rows }: ExperimentResult): { keys: string[]; statistics: string[]; cells: Cell[] } {
  const keys = columns.map(({ name }) => name).filter((name) => !STATISTIC_COLUMNS.has(name));
  const isLong = columns.some(({ name }) => name === "statistic");
  const cells = new Map<string, Cell>();
  for (const [i, row] of rows.entries()) {
    const shown = keys.map((key) => String(row[key] ?? "–"));
    const place = isLong ? shown.join("\0") : String(i);
    const cell = cells.get(place) ?? { keys: shown, values: new Map<string, string>() };
    cells.set(place, cell);
    if (isLong) cell.values.set(String(row.statistic), meanAndError(row.mean, row.sem));
  }
  const statistics = isLong ? [...new Set(rows.map(({ statistic }) => String(statistic)))] : [];
  return { keys, statistics, cells: [...cells.values()] };
}

function ofTexts({ data, tokens_per_text }: ExperimentResult): string {
  if (!data) return "";
  const cutTo = tokens_per_text === null ? "" : ` of ${tokens_per_text} tokens`;
  return `, ${data.texts} ${data.texts === 1 ? "text" : "texts"}${cutTo}`;
}

function meanAndError(mean: unknown, sem: unknown): string {
  const value = significant(typeof mean === "number" ? mean : null);
  return typeof sem === "number" ? `${value} ± ${significant(sem)}` : value;
}
