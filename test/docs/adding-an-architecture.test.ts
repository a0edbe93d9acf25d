/** The example of docs/adding-an-architecture.md, as a reader would use it: typed, added, and right. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Architecture } from "../../src/engine/architectures/architecture.ts";
import { architectures } from "../../src/engine/architectures/index.ts";
import { openCheckpoint } from "../../src/engine/checkpoint/open.ts";
import { emptyFolder, refusalOf } from "../engine/checkpoint/folders.ts";
import { writeRandom } from "../support/checkpoint.ts";
import { loadForTest, logprobsById, range, result, runJob, scheduleOf } from "../support/engine.ts";
import { logSoftmax, readReference, relativeError } from "../support/reference.ts";

let folder: string;
let stablelm: Architecture;

beforeAll(async () => {
  const page = readFileSync("docs/adding-an-architecture.md", "utf8");
  const source = /```ts\n\/\/ src\/engine\/architectures\/stablelm\.ts\n(.*?)```/s.exec(page)?.[1] as string;
  mkdirSync("test/generated", { recursive: true });
  writeFileSync("test/generated/.gitignore", "*\n");
  folder = mkdtempSync("test/generated/architecture-");
  const here = resolve("src/engine/architectures/architecture.ts");
  writeFileSync(join(folder, "stablelm.ts"), source.replace('"./architecture.ts"', JSON.stringify(here)));
  ({ stablelm } = await import(resolve(folder, "stablelm.ts")));
  (architectures as Map<string, Architecture>).set("stablelm", stablelm); // the line in index.ts
});
afterAll(() => rmSync(folder, { recursive: true }));

test("the file type-checks as the project's own do", { timeout: 60_000 }, () => {
  const { config } = ts.readConfigFile("tsconfig.json", ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ".");
  const found = ts.getPreEmitDiagnostics(ts.createProgram([join(folder, "stablelm.ts")], options));
  expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " "))).toEqual([]);
});

test.each([true, false])("the model computes what a plain forward pass does, biases on q, k and v: %s", async (biased) => {
  const model = emptyFolder();
  const sizes = { nLayers: 3, dModel: 48, nHeads: 4, kvHeads: 2, dMlp: 56 };
  // Four of a head's twelve dimensions turn.
  writeRandom(model, stablelm, { ...sizes, config: { use_qkv_bias: biased, partial_rotary_factor: 0.34, rope_theta: 500 } });
  const tokens = [0, 7, 300, 7, 41, 5, 5, 120];
  const loaded = await loadForTest(model);
  try {
    for (const blocks of [[0, 1, 2], [0, 2], []]) {
      const schedules = [scheduleOf("any", blocks)];
      const { variants } = result(await runJob(loaded, { tokens, schedules, readout: { layers: "final" } }));
      const expected = plainLogits(model, tokens, blocks).flatMap((row) => [...logSoftmax(row)]);
      expect(relativeError(logprobsById(variants[0]?.final as never, 320), expected)).toBeLessThan(1e-5);
    }
  } finally {
    await loaded.close();
  }
});

test("what it does not compute, it refuses", () => {
  const model = emptyFolder();
  writeRandom(model, stablelm, {
    kvHeads: 3,
    config: { partial_rotary_factor: 0.5, use_parallel_residual: true, qk_layernorm: true },
  });
  expect(refusalOf(() => openCheckpoint(model))).toBe(
    "config.json: use_parallel_residual true is not supported; only false is; config.json: qk_layernorm true is not supported; only false is",
  );
});

/** StableLM 2 in float64, one number after another, from the file's own tensors. Rows of logits, one a position. */
function plainLogits(model: string, tokens: readonly number[], blocks: readonly number[]): number[][] {
  const [d, H, KV, dHead, turned] = [48, 4, 2, 12, 4];
  const file = readReference(join(model, "model.safetensors"));
  const add = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value + (b[i] as number));
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
  const map = (name: string, x: readonly number[]) => {
    const weight = Array.from(file.values(`${name}.weight`)); // [out, in]
    const y = range(weight.length / x.length).map((row) => dot(weight.slice(row * x.length, (row + 1) * x.length), x));
    return file.names().includes(`${name}.bias`) ? add(y, Array.from(file.values(`${name}.bias`))) : y;
  };
  const norm = (name: string, x: readonly number[]) => {
    const mean = x.reduce((sum, value) => sum + value, 0) / d;
    const sigma = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / d + 1e-5);
    const [weight, bias] = [file.values(`${name}.weight`), file.values(`${name}.bias`)];
    return x.map((value, i) => ((value - mean) / sigma) * (weight[i] as number) + (bias[i] as number));
  };
  const turn = (head: readonly number[], position: number) => {
    const turnedHead = [...head];
    for (const i of range(turned / 2)) {
      const [a, b, angle] = [head[i] as number, head[i + turned / 2] as number, position * 500 ** ((-2 * i) / turned)];
      turnedHead[i] = a * Math.cos(angle) - b * Math.sin(angle);
      turnedHead[i + turned / 2] = b * Math.cos(angle) + a * Math.sin(angle);
    }
    return turnedHead;
  };
  const heads = (x: readonly number[]) => range(x.length / dHead).map((head) => x.slice(head * dHead, (head + 1) * dHead));

  const embedding = file.values("model.embed_tokens.weight");
  let stream = tokens.map((id) => Array.from(embedding.subarray(id * d, (id + 1) * d)));
  for (const block of blocks) {
    const name = `model.layers.${block}`;
    const normed = stream.map((x) => norm(`${name}.input_layernorm`, x));
    const [q, k, v] = ["q", "k", "v"].map((part) => normed.map((x) => heads(map(`${name}.self_attn.${part}_proj`, x)))) as [
      number[][][],
      number[][][],
      number[][][],
    ];
    const attended = stream.map((_, position) =>
      range(H).flatMap((head) => {
        const group = Math.floor(head / (H / KV));
        const query = turn(q[position]?.[head] as number[], position);
        const scores = range(position + 1).map((key) => dot(query, turn(k[key]?.[group] as number[], key)) / Math.sqrt(dHead));
        const weights = logSoftmax(scores).map(Math.exp);
        return range(dHead).map((i) =>
          range(position + 1).reduce((sum, key) => sum + (weights[key] as number) * (v[key]?.[group]?.[i] as number), 0),
        );
      }),
    );
    stream = stream.map((x, position) => add(x, map(`${name}.self_attn.o_proj`, attended[position] as number[])));
    stream = stream.map((x) => {
      const input = norm(`${name}.post_attention_layernorm`, x);
      const up = map(`${name}.mlp.up_proj`, input);
      const gate = map(`${name}.mlp.gate_proj`, input).map((value, i) => (value / (1 + Math.exp(-value))) * (up[i] as number));
      return add(x, map(`${name}.mlp.down_proj`, gate));
    });
  }
  return stream.map((x) => map("lm_head", norm("model.norm", x)));
}
