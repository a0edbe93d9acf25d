import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeCheckpoint, openCheckpoint } from "../../../src/engine/checkpoint/open.ts";
import { Problem } from "../../../src/problem.ts";
import { withHeader, writeRandomGpt2 } from "../../support/checkpoint.ts";
import { CHECKPOINTS } from "../../support/fixtures.ts";
import { copyOf, emptyFolder, GPT2, GPT2_HUB } from "./folders.ts";

/** Far above what opening takes, below what a hang would; in ms. */
const MAX_MS = 2_000;

/** Opens whatever it is: a specification or `model_invalid`, soon. */
function survives(folder: string): void {
  const started = performance.now();
  try {
    openCheckpoint(folder);
  } catch (error) {
    expect(error).toBeInstanceOf(Problem);
    expect((error as Problem).code).toBe("model_invalid");
    expect((error as Problem).message).toMatch(/^The model model cannot be used\. .+\.$/s);
  }
  describeCheckpoint(folder);
  expect(performance.now() - started).toBeLessThan(MAX_MS);
}

/** Bytes written over, cut out or put in somewhere. */
const bytesChanged = (bytes: Uint8Array, within: number): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(fc.nat(within - 1), fc.nat(12), fc.uint8Array({ maxLength: 12 }))
    .map(([at, removed, added]) => Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]));

/** A token of JSON for another: numbers, strings, brackets. */
const textChanged = (text: string): fc.Arbitrary<string> => {
  const tokens = text.match(/"[^"]*"|[\w.+-]+|[^\s\w]|\s+/g) ?? [];
  const values = fc.oneof(
    fc.constantFrom(
      "-1",
      "0",
      "1e999",
      "9007199254740993",
      "1.5",
      "null",
      "true",
      '""',
      "[",
      "]",
      "{",
      "}",
      "[]",
      "{}",
      ",",
      ":",
      '"\\u0000"',
      '"../x.safetensors"',
    ),
    fc.integer().map(String),
    fc.json(),
    fc.nat(tokens.length - 1).map((i) => tokens[i] as string),
  );
  return fc.array(fc.tuple(fc.nat(tokens.length - 1), values), { minLength: 1, maxLength: 3 }).map((edits) => {
    const edited = [...tokens];
    for (const [i, value] of edits) edited[i] = value;
    return edited.join("");
  });
};

const check = <T>(changed: fc.Arbitrary<T>, use: (value: T) => void, numRuns: number) =>
  fc.assert(fc.property(changed, use), { numRuns });

describe("a file changed anyhow is read, or refused for what it is", { timeout: 120_000 }, () => {
  test("safetensors: bytes of the length and the header", () => {
    const folder = copyOf(GPT2_HUB);
    const path = join(folder, "model.safetensors");
    check(
      bytesChanged(readFileSync(path), 3704),
      (bytes) => {
        writeFileSync(path, bytes);
        survives(folder);
      },
      600,
    );
  });

  test("safetensors: the header's JSON, its length right", () => {
    const folder = emptyFolder();
    writeRandomGpt2(folder, { nLayers: 1, dModel: 4, nHeads: 2, contextLength: 4 });
    const path = join(folder, "model.safetensors");
    const bytes = readFileSync(path);
    const start = 8 + Number(bytes.readBigUInt64LE());
    check(
      textChanged(bytes.subarray(8, start).toString()),
      (header) => {
        writeFileSync(path, withHeader(header, bytes.subarray(start)));
        survives(folder);
      },
      1500,
    );
  });

  test("safetensors: cut short anywhere", () => {
    const folder = emptyFolder();
    writeRandomGpt2(folder, { nLayers: 1, dModel: 4, nHeads: 2, contextLength: 4 });
    const path = join(folder, "model.safetensors");
    const bytes = readFileSync(path);
    check(
      fc.nat(bytes.length - 1),
      (length) => {
        writeFileSync(path, bytes.subarray(0, length));
        expect(() => openCheckpoint(folder)).toThrow(Problem);
        survives(folder);
      },
      200,
    );
  });

  test.each([
    ["config.json", 1500],
    ["tokenizer.json", 300],
    ["tokenizer_config.json", 100],
  ])("%s", (name, numRuns) => {
    const folder = copyOf(GPT2);
    const path = join(folder, name);
    const bytes = readFileSync(path);
    check(
      fc.oneof(bytesChanged(bytes, bytes.length), textChanged(bytes.toString())),
      (changed) => {
        writeFileSync(path, changed);
        survives(folder);
      },
      numRuns,
    );
  });

  test.each(["pythia", "neox-sequential", "phi", "llama", "qwen2"])("config.json of %s", (name) => {
    const folder = copyOf(join(CHECKPOINTS, name));
    const path = join(folder, "config.json");
    check(
      textChanged(readFileSync(path, "utf8")),
      (changed) => {
        writeFileSync(path, changed);
        survives(folder);
      },
      200,
    );
  });

  test("the index of shards", () => {
    const folder = emptyFolder();
    writeRandomGpt2(folder, { nLayers: 1, dModel: 4, nHeads: 2, contextLength: 4, shards: 3 });
    const path = join(folder, "model.safetensors.index.json");
    check(
      textChanged(readFileSync(path, "utf8")),
      (changed) => {
        writeFileSync(path, changed);
        survives(folder);
      },
      600,
    );
  });
});
