/** The report as a page of Markdown: what code hosts show of its folder. */
import { figurePlace, type Methods, type ReportDocument } from "../document/document.ts";
import { GENERATOR } from "../text/generator.ts";
import { tied } from "../text/numbers.ts";
import { inlineMd, type Places, plainMd } from "./inline.ts";
import { sectionMd } from "./section.ts";
import { tableMd } from "./table.ts";

/** Its first line: says that the page is a report's, and was not written by hand. */
export const MARK = `<!-- Made by ${GENERATOR} from report.json and tables/; changes by hand are lost. -->`;

/** A whole page. `beside`: files and folders of the report with a word for each. */
export function readmeOf(document: ReportDocument, models: number, beside: readonly (readonly [string, string])[]): string {
  const { title, lead, summary, sections, methods } = document;
  const places = placesIn(document);
  const files = beside.map(([path, word]) => `[${word}](${path})`);
  const blocks = [
    MARK,
    `# ${plainMd(title)}`,
    inlineMd(lead, places),
    `Beside this page: ${files.join(", ")}.`,
    "## What holds, claim by claim",
    inlineMd(summary.text, places).trim(),
    ...tableMd(summary.claims, places),
    ...tableMd(summary.models, places),
    ...sections.flatMap((section) => sectionMd(section, places, models > 1)),
    ...methodsMd(methods, places),
  ];
  return tied(`${blocks.join("\n\n")}\n`);
}

function methodsMd({ paragraphs, sizes, limits, criteria, command }: Methods, places: Places): string[] {
  return [
    "## Methods",
    ...paragraphs.map((text) => inlineMd(text, places)),
    ...tableMd(sizes, places),
    ...(limits.length === 0 ? [] : ["### How far this goes", ...limits.map(plainMd)]),
    "### Criteria",
    "What must hold for a claim to be shown. These rules are ours.",
    ...(criteria.length === 0
      ? []
      : [criteria.map(({ says, criterion }) => `- **${plainMd(says)}** Shown: ${plainMd(criterion)}.`).join("\n")]),
    "### To repeat it",
    `\`\`\`sh\n${command}\n\`\`\``,
  ];
}

/** Sections by their headings, figures by their files. */
function placesIn({ sections }: ReportDocument): Places {
  const figures = sections.flatMap(({ parts }) => parts.flatMap((part) => part.figures));
  const at = new Map<string, string>([
    ["summary", "#what-holds-claim-by-claim"],
    ["methods", "#methods"],
    ["criteria", "#criteria"],
    ...sections.map(({ id, title }) => [id, `#${headingAnchor(title)}`] as const),
    ...figures.map(({ experiment, drawn }) => {
      return [figurePlace(experiment), (drawn.together ?? drawn.each[0]?.picture)?.path ?? ""] as const;
    }),
  ]);
  return (id) => at.get(id) ?? "";
}

/** The name that code hosts give a heading: small letters, hyphens for spaces, other signs left out. */
export function headingAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}\s_-]/gu, "")
    .replace(/\s/g, "-");
}
