/** The certificate: what holds passes, what does not fails with its place, what is no reference is refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type CertifyEvent, certify, type Row } from "../../src/certify/certify.ts";
import { readConfig } from "../../src/config.ts";
import { processOptions } from "../../src/engine/options.ts";
import { safetensors, type TensorData, writeRandom } from "../support/checkpoint.ts";
import { CHECKPOINTS } from "../support/fixtures.ts";
import { readReference } from "../support/reference.ts";

const scratch = mkdtempSync(join(tmpdir(), "stratascope-certify-"));
afterAll(() => rmSync(scratch, { recursive: true }));

async function certificate(modelsDir: string, model: string, reference: string | null = null) {
  const events: CertifyEvent[] = [];
  const request = {
    ...{ model, folder: join(modelsDir, model), reference },
    options: processOptions(readConfig({ MODELS_DIR: modelsDir }), "cpu"),
    device: { device: "cpu", detail: "as asked for" } as const,
    log: () => {},
  };
  for await (const event of certify(request, new AbortController().signal)) events.push(event);
  const rows = events.flatMap((event) => (event.type === "row" ? [event.row] : []));
  const begin = events.find((event) => event.type === "begin");
  return { rows, begin };
}

const named = (rows: readonly Row[], verdict: Row["verdict"]) =>
  rows.filter((row) => row.verdict === verdict).map(({ name }) => name);

/** A reference with some tensors changed; absent: without them. */
function changed(name: string, changes: Readonly<Record<string, TensorData | null>>): string {
  const original = readReference(`test/fixtures/reference/${name}.safetensors`);
  const tensors = new Map<string, TensorData>(
    original.names().map((tensor) => {
      const shape = original.shape(tensor);
      return tensor === "tokens"
        ? [tensor, tokens(shape, original.ids(tensor))]
        : [tensor, floats(shape, original.values(tensor))];
    }),
  );
  for (const [tensor, data] of Object.entries(changes)) {
    if (data) tensors.set(tensor, data);
    else tensors.delete(tensor);
  }
  const path = join(scratch, "changed.safetensors");
  writeFileSync(path, safetensors(tensors));
  return path;
}

function tokens(shape: readonly number[], ids: readonly number[]): TensorData {
  return { dtype: "I64", shape, bytes: new Uint8Array(BigInt64Array.from(ids, BigInt).buffer) };
}

function floats(shape: readonly number[], values: Float32Array): TensorData {
  return { dtype: "F32", shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

describe("what holds", () => {
  test.each(["gpt2", "qwen2"])("%s passes, every tensor of its reference too", async (name) => {
    const { rows, begin } = await certificate(CHECKPOINTS, name, `test/fixtures/reference/${name}.safetensors`);
    expect(rows.filter(({ verdict }) => verdict === "failed")).toEqual([]);
    expect(begin?.unknown).toEqual([]);
    expect(rows).toHaveLength(begin?.total as number);
    const reference = readReference(`test/fixtures/reference/${name}.safetensors`);
    const counted = rows
      .filter(({ group }) => group === "reference")
      .reduce((sum, { note }) => sum + Number(note?.split(" ")[0]), 0);
    expect(counted).toBe(reference.names().filter((tensor) => tensor !== "tokens" && tensor !== "steer.vector").length);
    // The CPU is not compared with itself, and says so.
    expect(rows.at(-1)).toMatchObject({ verdict: "not_run", note: "everything ran on the CPU (as asked for)" });
  });

  test("a vocabulary that ends at no aligned address, and padding: the last bits do not depend on the row", async () => {
    writeRandom(join(scratch, "odd"), "phi", { vocabSize: 333, nLayers: 1, type: "BF16" });
    const { rows } = await certificate(scratch, "odd");
    expect(named(rows, "failed")).toEqual([]);
    expect(rows.find(({ name }) => name === "swap twice = baseline")?.note).toBe("the model has one layer");
  });

  test("a reference of prompts one by one, as that of the shipped model", async () => {
    const { rows } = await certificate("models", "prose-6m", "models/prose-6m/reference.safetensors");
    expect(named(rows, "failed")).toEqual([]);
    expect(rows.filter(({ group }) => group === "reference").map(({ name, note }) => `${name}: ${note}`)).toEqual([
      "attn_norm: 5 tensors",
      "delete: 5 tensors",
      "logits: 5 tensors",
      "mlp_norm: 5 tensors",
      "resid_final: 5 tensors",
      "resid_pre: 60 tensors",
      "swap: 5 tensors",
    ]);
  });
});

describe("what does not hold", () => {
  const original = readReference("test/fixtures/reference/gpt2.safetensors");

  test("one value off: its row fails and names the tensor; unknown names are listed", async () => {
    const values = original.values("attn_out.2");
    values[100] = (values[100] as number) + 0.01;
    const { rows, begin } = await certificate(
      CHECKPOINTS,
      "gpt2",
      changed("gpt2", { "attn_out.2": floats(original.shape("attn_out.2"), values), speed: floats([1], Float32Array.of(9)) }),
    );
    expect(named(rows, "failed")).toEqual(["attn_out"]);
    expect(rows.find(({ name }) => name === "attn_out")?.finding).toMatchObject({ worst: "attn_out.2", measure: "relative" });
    expect(begin?.unknown).toEqual(["speed"]);
  });

  test("no numbers where numbers are expected fail", async () => {
    const values = original.values("logits").fill(Number.NaN);
    const { rows } = await certificate(
      CHECKPOINTS,
      "gpt2",
      changed("gpt2", { logits: floats(original.shape("logits"), values) }),
    );
    expect(named(rows, "failed")).toEqual(["logits"]);
  });
});

describe("what is no reference", () => {
  const original = readReference("test/fixtures/reference/gpt2.safetensors");
  const ids = original.ids("tokens");
  const refusal = (path: string) =>
    certificate(CHECKPOINTS, "gpt2", path).then(
      () => "accepted",
      (error: Error) => error.message,
    );

  test("a file of another format", async () => {
    writeFileSync(join(scratch, "text.safetensors"), readFileSync("package.json"));
    expect(await refusal(join(scratch, "text.safetensors"))).toMatch(
      /^The reference text\.safetensors cannot be used\. text\.safetensors announces a header of \d+ bytes; the file has room for \d+\.$/,
    );
    expect(await refusal(join(scratch, "none.safetensors"))).toContain("none.safetensors is missing");
  });

  test("tokens that the model does not have, and more of them than its context", async () => {
    expect(await refusal(changed("gpt2", { tokens: tokens([5, 24], ids.with(30, 320)) }))).toContain(
      'tensor "tokens" has the id 320 at text 1, position 6; the model\'s tokens are 0 to 319',
    );
    expect(await refusal(changed("gpt2", { tokens: tokens([1, 120], ids) }))).toContain(
      'tensor "tokens" has 120 positions; the model\'s context has 96',
    );
    expect(await refusal(changed("gpt2", { tokens: null }))).toContain('it has no tensor "tokens"');
  });

  test("shapes, layers and types, all at once", async () => {
    const one = Float32Array.of(1);
    const message = await refusal(
      changed("gpt2", { "resid_pre.1": floats([1], one), "delete.7": floats([1, 1, 320], new Float32Array(320)) }),
    );
    expect(message).toContain('tensor "resid_pre.1" has shape [1]; [1…5, 1…24, 48] is expected');
    expect(message).toContain('tensor "delete.7" cannot be computed: layer 7 is out of range');
    expect(await refusal(changed("gpt2", { "steer.vector": null }))).toContain('tensor "steer.vector" of shape [48] is missing');
  });
});
