/** Which code computes: what other code computed is not taken for its own. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Client } from "../client.ts";

const SOURCES = fileURLToPath(new URL("../..", import.meta.url));
/** What no number of an experiment depends on: who asks, and what is made of the answers. */
const NOT_COMPUTING = /^(cli|report|routes|hub|store|certify)[/\\]/;
const SHORT_HASH = 16;

/** The version that a service tells of itself. */
export async function serviceVersion(client: Client): Promise<string> {
  const document = (await (await client.send("/openapi.json")).json()) as { readonly info: { readonly version: string } };
  return document.info.version;
}

/** A hash of the sources beside this one: of a service in this process they are what computes, changed since its version or not. */
export function sourcesHash(folder = SOURCES): string {
  const hash = createHash("sha256");
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  for (const path of paths.filter((each) => !NOT_COMPUTING.test(each)).sort())
    hash.update(JSON.stringify([path.replaceAll("\\", "/"), readFileSync(join(folder, path), "utf8")]));
  return hash.digest("hex").slice(0, SHORT_HASH);
}
