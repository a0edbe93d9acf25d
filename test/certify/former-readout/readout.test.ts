/** The certificate would have caught it: its checks fail on the read-out as it was, at a vocabulary as models have it, and pass now. */
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isWithin } from "../../../src/certify/finding.ts";
import type { Lab } from "../../../src/certify/lab.ts";
import { drawPrompts } from "../../../src/certify/prompts.ts";
import { readoutChecks } from "../../../src/certify/readout.ts";
import { openCheckpoint } from "../../../src/engine/checkpoint/open.ts";
import type { ModelSpec } from "../../../src/engine/model-spec.ts";
import { writeRandom } from "../../support/checkpoint.ts";
import { observerOf } from "./observer.ts";

const WIDTH = 32;
/** Tokens that are ever predicted with confidence, and that the natural text is of. */
const KNOWN = 100;
const NATURAL = [3, 14, 15, 92, 65, 35, 89, 79];

const folder = mkdtempSync(join(tmpdir(), "stratascope-former-"));
afterAll(() => rmSync(folder, { recursive: true }));
let spec: ModelSpec;

beforeAll(() => {
  const config = { tie_word_embeddings: true };
  writeRandom(folder, "llama", { vocabSize: 151_936, dModel: WIDTH, nHeads: 2, kvHeads: 2, nLayers: 4, dMlp: 48, config });
  const opened = openCheckpoint(folder);
  // As trained models have it: a part that all tokens share, in the stream and in the unembed, and some that stand out.
  const { file, offset, length } = opened.tokenEmbedding;
  const bytes = readFileSync(file);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset + offset, length / 4);
  for (let i = 0; i < values.length; i++) values[i] = (i < KNOWN * WIDTH ? 1.6 : 0.3) * (values[i] as number) + 1;
  writeFileSync(openSync(file, "r+"), bytes);
  spec = { ...opened, tokenCount: opened.vocabSize };
});

/** Names of the checks of sums over the vocabulary that do not hold. */
async function failing(which: "former" | "present"): Promise<string[]> {
  const observer = await observerOf(spec, which);
  const prompts = drawPrompts(spec, NATURAL);
  const failed: string[] = [];
  for (const check of readoutChecks.filter(({ name }) => /^(probabilities|entropy|KL)/.test(name))) {
    const finding = await check.run({ lab: observer as Lab, prompts });
    if ("notRun" in finding || !isWithin(finding)) failed.push(check.name);
  }
  await observer.close();
  return failed;
}

test("fails on the read-out as it was", { timeout: 240_000 }, async () => {
  const ways = ["KL from the last layer", "KL from the baseline"];
  const prompts = ["random ids", "natural text"].flatMap((kind) => [
    `${ways[0]}, ${kind}`,
    ...["all", "final"].map((layers) => `${ways[1]}, ${kind}, layers ${layers}`),
  ]);
  expect(await failing("former")).toEqual(["probabilities sum to 1", ...prompts]);
});

test("passes now", { timeout: 240_000 }, async () => {
  expect(await failing("present")).toEqual([]);
});
