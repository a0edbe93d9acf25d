/** An experiment's result as a table: a line for each cell, its statistics side by side. */
import type { ExperimentResult } from "../../schemas/experiments/experiment.ts";
import { significant, withError } from "./numbers.ts";
import { left, right, textWidth } from "./text.ts";
import type { View } from "./view.ts";

/** Lines that are shown; the rest is in the files. */
const MOST_LINES = 48;
const STATISTIC_COLUMNS = new Set(["statistic", "mean", "std", "sem", "count", "q05", "q25", "q50", "q75", "q95"]);
/** Between a mean and its error. */
const PLUS_MINUS = " ± ";

export function experimentTable(result: ExperimentResult, view: View): string[] {
  const { bold, dim } = view.colours;
  const { keys, statistics, cells } = cellsOf(result);
  const labels = keys.map((key, i) =>
    keyColumn(
      key,
      result,
      cells.map((cell) => cell.keys[i] ?? ""),
    ),
  );
  const columns = statistics.map((name) =>
    valueColumn(
      name,
      cells.map(({ values }) => values.get(name)),
    ),
  );
  const shownLabels = fitting(labels, view.width - 1);
  const shown = fitting(columns, view.width - 1 - shownLabels.reduce((sum, { width }) => sum + width + 1, 0));
  const line = (keyOf: (i: number) => string, values: (name: string) => string) =>
    [dim(shownLabels.map((label, i) => label.cell(keyOf(i))).join(" ")), ...shown.map(({ name }) => values(name))]
      .join(" ")
      .trimEnd();
  const notShown = [...labels.slice(shownLabels.length), ...columns.slice(shown.length)].map(({ name }) => name);
  const leftOut = [
    ...(cells.length > MOST_LINES ? [`${cells.length - MOST_LINES} more lines`] : []),
    ...(notShown.length > 0 ? [`also ${notShown.join(", ")}`] : []),
  ];
  const head = line(
    (i) => keys[i] ?? "",
    (name) => right(name, shown.find((column) => column.name === name)?.width ?? 0),
  );
  return [
    ` ${bold(result.kind)} ${dim(`of ${result.model.id}${ofTexts(result)}`)}`,
    "",
    ` ${dim(head)}`,
    ...cells.slice(0, MOST_LINES).map(
      (cell) =>
        ` ${line(
          (i) => cell.keys[i] ?? "",
          (name) => shown.find((column) => column.name === name)?.cell(cell.values.get(name)) ?? "",
        )}`,
    ),
    ...(leftOut.length > 0 ? ["", ` ${dim(`${leftOut.join("; ")}: --out FILE has everything`)}`] : []),
  ];
}

interface Column<Value> {
  readonly name: string;
  readonly width: number;
  cell(value: Value): string;
}

/** Texts on the left, measured numbers on the right; layers, heads and the like are names, on the left. */
function keyColumn(name: string, { columns }: ExperimentResult, texts: readonly string[]): Column<string> {
  const width = Math.max(textWidth(name), ...texts.map(textWidth));
  const align = columns.find((column) => column.name === name)?.type === "float" ? right : left;
  return { name, width, cell: (text) => align(text, width) };
}

/** Means with their errors, one ± below the other. */
function valueColumn(name: string, values: readonly (Value | undefined)[]): Column<Value | undefined> {
  const [mean, error] = ([0, 1] as const).map((part) => Math.max(0, ...values.map((value) => textWidth(value?.[part] ?? ""))));
  const most = (mean ?? 0) + (error ? PLUS_MINUS.length + error : 0);
  const width = Math.max(textWidth(name), most);
  const cell = (value: Value | undefined) => {
    const [said = "", off = ""] = value ?? [];
    const behind = error ? left(off === "" ? "" : `${PLUS_MINUS}${off}`, PLUS_MINUS.length + error) : "";
    return right(`${right(said, mean ?? 0)}${behind}`, width);
  };
  return { name, width, cell };
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

/** A mean and its error, "" where there is none. */
type Value = readonly [mean: string, error: string];

interface Cell {
  readonly keys: string[];
  readonly values: Map<string, Value>;
}

/** Rows that differ by their statistic alone, together; rows without one as they are. */
function cellsOf({ columns, rows }: ExperimentResult): { keys: string[]; statistics: string[]; cells: Cell[] } {
  const keys = columns.map(({ name }) => name).filter((name) => !STATISTIC_COLUMNS.has(name));
  const isLong = columns.some(({ name }) => name === "statistic");
  const cells = new Map<string, Cell>();
  for (const [i, row] of rows.entries()) {
    const shown = keys.map((key) => keyText(row[key]));
    const place = isLong ? shown.join("\0") : String(i);
    const cell = cells.get(place) ?? { keys: shown, values: new Map<string, Value>() };
    cells.set(place, cell);
    if (isLong) cell.values.set(String(row.statistic), counted(row) ?? meanAndError(row.mean, row.sem));
  }
  const statistics = isLong ? [...new Set(rows.map(({ statistic }) => String(statistic)))] : [];
  return { keys, statistics, cells: [...cells.values()] };
}

function ofTexts({ data, tokens_per_text }: ExperimentResult): string {
  if (!data) return "";
  const own = data.tokens ? ` of ${data.tokens.least} to ${data.tokens.most} tokens` : "";
  const cutTo = tokens_per_text === null ? own : ` of ${tokens_per_text} tokens`;
  return `, ${data.texts} ${data.texts === 1 ? "text" : "texts"}${cutTo}`;
}

/** Whole numbers as they are, others as measured ones. */
function keyText(value: unknown): string {
  return typeof value === "number" && !Number.isInteger(value) ? significant(value) : String(value ?? "–");
}

/** How many there are, as one counts: 3, not 3.00. */
function counted({ statistic, mean, sem }: ExperimentResult["rows"][number]): Value | undefined {
  const counts = String(statistic).endsWith("_count") && Number.isInteger(mean) && typeof sem !== "number";
  return counts ? [String(mean), ""] : undefined;
}

function meanAndError(mean: unknown, sem: unknown): Value {
  const value = typeof mean === "number" ? mean : null;
  return typeof sem === "number" ? withError(value, sem) : [significant(value), ""];
}
