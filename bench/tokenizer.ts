/** Opening a large tokenizer and the first text, against reading its JSON; left out where the tokenizers were not fetched. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { openTokenizer } from "../src/tokenizer/tokenizer.ts";
import { median, print } from "./report.ts";

const CACHE = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
/** Where `scripts/real-tokenizers/build.sh` puts them. */
const FOLDER = join(CACHE, "stratascope/tokenizers");
const REPEATS = 7;
const TEXT = "The capital of France is";
/** A word, for what cuts at spaces. */
const LONG = "abcdefghij".repeat(20_000);

export async function benchTokenizer(): Promise<void> {
  const folder = join(FOLDER, "gemma3");
  if (!existsSync(join(folder, "tokenizer.json"))) {
    console.log("\nTokenizers were left out: scripts/real-tokenizers/build.sh fetches them.");
    return;
  }
  const json = readFileSync(join(folder, "tokenizer.json"), "utf8");
  const opened = async () => (await openTokenizer(folder)).encode(TEXT).length;
  await opened();
  const parses: number[] = [];
  const opens: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    parses.push(await timed(() => JSON.parse(json)));
    opens.push(await timed(opened));
  }
  print({
    name: "opening a tokenizer of 262 144 tokens (33 MB) and a first text, over `JSON.parse` of the file",
    ...{ value: median(opens.map((ms, i) => ms / (parses[i] as number))), bar: 6, unit: "×" },
    detail: `${median(opens).toFixed(0)} ms, ${median(parses).toFixed(0)} ms; Gemma 3's`,
  });
  const { encode } = await openTokenizer(folder);
  const short = LONG.slice(0, LONG.length / 10);
  const ratios: number[] = [];
  for (let i = 0; i < REPEATS; i++) ratios.push((await timed(() => encode(LONG))) / (await timed(() => encode(short))));
  print({
    name: "a text of 200 000 characters without a space, over one of 20 000",
    ...{ value: median(ratios), bar: null, unit: "×" },
    detail: `in proportion were 10; ${(await timed(() => encode(LONG))).toFixed(0)} ms`,
  });
}

/** Milliseconds. */
async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
