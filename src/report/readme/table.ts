/** A table as Markdown has them: headings of groups are rows. */
import type { Table } from "../text/table.ts";
import { inlineMd, type Places, plainMd } from "./inline.ts";

/** The caption, and the table under it; nothing where there is none. */
export function tableMd(table: Table | null, places: Places): string[] {
  if (!table) return [];
  const { title, caption, columns, groups } = table;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rows = groups.flatMap((group) => [
    ...(group.title === null ? [] : [[`**${inlineMd(group.title, places)}**`, ...columns.slice(1).map(() => "")]]),
    ...group.rows.map((row) => row.map((cell) => inlineMd(cell, places))),
  ]);
  return [
    `${title === undefined ? "" : `**${plainMd(title)}** `}${inlineMd(caption, places)}`,
    [
      line(columns.map(({ name }) => inlineMd(name, places))),
      line(columns.map(({ number = false }) => (number ? "---:" : "---"))),
      ...rows.map(line),
    ].join("\n"),
  ];
}
