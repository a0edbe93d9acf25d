/** The README's first example: a run, its stream as it comes over HTTP. */

import type { Product } from "./product.ts";
import { excerptsOf } from "./stream-excerpts.ts";

/** The request of the page's first curl. */
export function requestOf(page: string): object {
  const [, body] = /curl -N localhost:3000\/v1\/runs .*? -d '(\{.*?\})'/s.exec(page) ?? [];
  if (body === undefined) throw new Error("README.md has no curl of /v1/runs");
  return JSON.parse(body) as object;
}

/** Its first event, the last layer's, the result and the end. */
export async function streamBlock({ client }: Product, page: string): Promise<string> {
  const response = await client.send("/v1/runs", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify(requestOf(page)),
  });
  return `\`\`\`\n${excerptsOf(await response.text())}\n\`\`\``;
}
