/** docs/experiments.md: a row of a result, and what each kind finds on prose-6m. */
import { readFileSync } from "node:fs";
import { EXPERIMENT_KINDS } from "../../src/schemas/experiments/settings.ts";
import { findingOf, plainSpaced } from "./findings.ts";
import { requestIn, withBlock, withFinding } from "./page.ts";
import type { Product } from "./product.ts";
import { spansIn, spansInWords } from "./spans.ts";

/** The page with the findings of every kind. `each`: told of a kind that is done. */
export async function withFindings(product: Product, page: string, each: (kind: string) => void): Promise<string> {
  let text = page;
  for (const kind of EXPERIMENT_KINDS) {
    text = withFinding(text, kind, plainSpaced(await foundOn(product, kind, requestIn(page, kind))));
    each(kind);
  }
  return text;
}

async function foundOn(product: Product, kind: string, request: object): Promise<string> {
  if (kind !== "span-probe") return findingOf((await product.experiment(request)).result);
  // The page's two rows show how rows look; a probe needs more of them.
  const lines = readFileSync("datasets/prose-heldout.jsonl", "utf8").trim().split("\n");
  const rows = spansIn(lines.map((line) => (JSON.parse(line) as { text: string }).text));
  const { result } = await product.experiment({ ...request, data: { rows } });
  return `${spansInWords(rows)} ${findingOf(result)}`;
}

/** The page with a row of the result of its first request. */
export async function withResultRow(product: Product, page: string): Promise<string> {
  const [, body] = /-d '(\{.*?\})'/s.exec(page) ?? [];
  if (body === undefined) throw new Error("docs/experiments.md has no request");
  const { result } = await product.experiment(JSON.parse(body) as object);
  const row = result.table.rows.find(
    ({ operation, layer, statistic }) => operation === "delete" && layer === 3 && statistic === "kl_nats",
  );
  if (!row) throw new Error("the result has no row of the deletion of layer 3");
  const fields = Object.entries(row).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
  const half = fields.findIndex((field) => field.startsWith('"count"'));
  const json = `{ ${fields.slice(0, half).join(", ")},\n  ${fields.slice(half).join(", ")} }`;
  return withBlock(page, "result-row", `\`\`\`json\n${json}\n\`\`\``);
}
