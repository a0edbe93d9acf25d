import { readFile } from "node:fs/promises";
import { Problem } from "../problem.ts";

/** The token that the hub's own clients keep in a file; null where there is none. Throws where it is not a token. */
export async function readToken(path: string): Promise<string | null> {
  const text = await readFile(path, "utf8").catch(() => "");
  const token = text.trim();
  if (token === "") return null;
  if (/^[\x21-\x7e]{1,1000}$/.test(token)) return token;
  throw new Problem("download_refused", `${path} does not hold a token: at most 1000 printable characters are expected.`);
}
