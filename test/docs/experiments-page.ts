/** docs/experiments.md taken apart: a section for each kind, its table by the first column, its command and its request. */
import { readFileSync } from "node:fs";

export interface KindSection {
  /** In asterisks, at the beginning. */
  readonly title: string;
  /** By what stands in the first column. */
  readonly rows: ReadonlyMap<string, string>;
  /** Words of the command after `stratascope experiment`. */
  readonly words: readonly string[];
  /** The body of the same request. */
  readonly request: Record<string, unknown>;
}

export const PAGE = readFileSync("docs/experiments.md", "utf8");

const SECTION = /^\*(?<title>.*?)\.\*.*?^```sh\nnpx stratascope experiment (?<command>.*?)\n# (?<request>\{.*?\})\n```$/ms;

/** By kind, in the page's order. */
export const SECTIONS: ReadonlyMap<string, KindSection> = new Map(
  PAGE.split(/^### /m)
    .slice(1)
    .map((text) => {
      const [kind = "", ...lines] = text.split("\n");
      const parts = SECTION.exec(lines.join("\n"))?.groups;
      if (!parts) throw new Error(`the section ${kind} lacks its title, its command or its request`);
      const request = JSON.parse(parts.request as string) as Record<string, unknown>;
      return [kind, { title: parts.title as string, rows: rowsOf(text), words: wordsOf(parts.command as string), request }];
    }),
);

/** A part of the page, from its heading to the next. */
export function partOf(heading: string): string {
  const part = PAGE.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  if (part === undefined) throw new Error(`there is no part ${heading}`);
  return part;
}

/** The rows of all tables in a text, by the first column. */
export function rowsOf(text: string): Map<string, string> {
  const rows = text.split("\n").flatMap((line) => {
    const [, first, rest] = /^\| (.*?) \|(.*)\|$/.exec(line) ?? [];
    return first === undefined || rest === undefined ? [] : [[first, rest.trim()] as const];
  });
  return new Map(rows);
}

/** What stands in backticks. */
export function namesIn(text = ""): string[] {
  return Array.from(text.matchAll(/`([^`]+)`/g), ([, name]) => name as string);
}

/** A command line as a shell splits it, with single quotes alone. */
function wordsOf(command: string): string[] {
  return Array.from(command.matchAll(/'([^']*)'|\S+/g), ([word, quoted]) => quoted ?? word);
}
