/** Where a page has what is made by running the product: blocks between marks, and the row prose-6m of each kind of experiment. */

/** Before a block, `<!-- made: NAME -->`; after it, `<!-- /made -->`. */
const BLOCK = /(<!-- made: (?<name>[\w-]+) -->\n)(?<body>.*?)(?=\n<!-- \/made -->)/gs;

/** Names of the blocks of a page. */
export function blocksIn(page: string): string[] {
  return [...page.matchAll(BLOCK)].map(({ groups }) => groups?.name ?? "");
}

/** The page with another block of this name. Throws where it has none. */
export function withBlock(page: string, name: string, body: string): string {
  if (!blocksIn(page).includes(name)) throw new Error(`no page has the block ${name}`);
  return page.replace(BLOCK, (whole, mark: string, named: string) => (named === name ? `${mark}${body}` : whole));
}

/** What is found on prose-6m stands under a kind's heading, in its table. */
const ROW = /^\| prose-6m \| .* \|$/m;

/** The request behind `#` under a kind's heading. Throws where there is none. */
export function requestIn(page: string, kind: string): { readonly [field: string]: unknown } {
  const [, request] = /^# (\{.*\})$/m.exec(sectionOf(page, kind)) ?? [];
  if (request === undefined) throw new Error(`the section ${kind} has no request`);
  return JSON.parse(request) as { [field: string]: unknown };
}

/** The page with another finding on prose-6m under a kind's heading. Throws where there is no row for it. */
export function withFinding(page: string, kind: string, finding: string): string {
  const section = sectionOf(page, kind);
  if (!ROW.test(section)) throw new Error(`the section ${kind} has no row for prose-6m`);
  return page.replace(section, () => section.replace(ROW, () => `| prose-6m | ${finding} |`));
}

function sectionOf(page: string, kind: string): string {
  const section = page.split(/^(?=### )/m).find((text) => text.startsWith(`### ${kind}\n`));
  if (section === undefined) throw new Error(`the page has no section ${kind}`);
  return section;
}
