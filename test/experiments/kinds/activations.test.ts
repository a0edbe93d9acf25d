/** Activations as files: the reference's tensors, the places they are of, and how they are cut into files. */
import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { kindOf } from "../../../src/experiments/kinds/index.ts";
import { unpack } from "../../../src/experiments/pack.ts";
import type { ExperimentRequestInput } from "../../../src/schemas/experiments/request.ts";
import { type Laboratory, openLaboratory, refusalOf } from "../../support/experiments.ts";
import { CHECKPOINTS, FIXTURES, readFixture } from "../../support/fixtures.ts";
import { type Reference, readReference, relativeError } from "../../support/reference.ts";

const laboratory = openLaboratory(CHECKPOINTS);
const shipped = openLaboratory("models");
afterAll(() => Promise.all([laboratory.close(), shipped.close()]));

const folder = mkdtempSync(join(tmpdir(), "stratascope-activations-"));
let written = 0;

/** The files that an experiment makes, read by the tests' own reader. */
async function filesOf(lab: Laboratory, request: ExperimentRequestInput): Promise<{ bytes: Uint8Array; file: Reference }[]> {
  const { files } = kindOf("activations");
  return (await lab.outputs(request)).map((output) => {
    const bytes = files?.bytes(unpack(output)) as Uint8Array;
    const path = join(folder, `${written++}.safetensors`);
    writeFileSync(path, bytes);
    return { bytes, file: readReference(path) };
  });
}

describe.each(FIXTURES)("%s", (model) => {
  const { texts, reference } = readFixture(model);
  const nLayers = reference.names().filter((name) => name.startsWith("pattern.")).length;
  const common = { kind: "activations", model, prepend_bos: true } as const;

  it("every site of every layer has the reference's values", async () => {
    const [only, ...others] = await filesOf(laboratory, { ...common, data: { tokens: [[...(texts[0] as number[])]] } });
    expect(others).toEqual([]);
    const file = only?.file as Reference;
    for (let layer = 0; layer < nLayers; layer++) {
      const expected = {
        resid_pre: `resid_pre.${layer}`,
        attn_out: `attn_out.${layer}`,
        mlp_out: `mlp_out.${layer}`,
        mlp_act: `mlp_act.${layer}`,
        resid_post: layer + 1 < nLayers ? `resid_pre.${layer + 1}` : "resid_final",
      };
      for (const [site, name] of Object.entries(expected)) {
        expect(file.shape(`${site}.${layer}`)).toEqual(reference.shape(name).slice(1));
        expect(relativeError(file.values(`${site}.${layer}`), reference.values(name))).toBeLessThan(1e-4);
      }
      expect(file.shape(`z.${layer}`)[0]).toBe(24);
    }
    expect(file.names()).toHaveLength(6 * nLayers + 1);
    expect(file.ids("index")).toEqual((texts[0] as number[]).flatMap((id, position) => [0, position, id]));
  });

  it("chosen sites, layers and positions are those rows, in the order of the texts", async () => {
    const data = { tokens: texts.map((text) => [...text]) };
    const whole = (await filesOf(laboratory, { ...common, data }))[0]?.file as Reference;
    const settings = { sites: ["z", "resid_post"], layers: [1, 0], positions: [-1, 3] };
    const some = (await filesOf(laboratory, { ...common, data, settings }))[0]?.file as Reference;
    expect(some.names().sort()).toEqual(["index", "resid_post.0", "resid_post.1", "z.0", "z.1"]);
    expect(some.ids("index")).toEqual(texts.flatMap((text, i) => [3, 23].flatMap((position) => [i, position, text[position]])));
    for (const name of ["z.0", "z.1", "resid_post.0", "resid_post.1"]) {
      const width = whole.shape(name)[1] as number;
      const rows = texts.flatMap((_, i) => [3, 23].map((position) => i * 24 + position));
      const expected = rows.flatMap((row) => [...whole.values(name).subarray(row * width, (row + 1) * width)]);
      expect([...some.values(name)]).toEqual(expected);
    }
  });
});

test("the result lists the files with their hashes; their metadata says what they were made from", async () => {
  const request = {
    ...{ kind: "activations", model: "gpt2", data: { tokens: readFixture("gpt2").texts.map((text) => [...text]) } },
    settings: { positions: "last", sites: ["resid_post"] },
  } as const satisfies ExperimentRequestInput;
  const { table, summary, model } = await laboratory.run(request);
  const bytes = (await filesOf(laboratory, request))[0]?.bytes as Uint8Array;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  expect(table.rows).toEqual([
    { file: "activations-00000.safetensors", first_text: 0, texts: 5, activations: 5, bytes: bytes.length, sha256 },
  ]);
  expect(kindOf("activations").files?.name(0)).toBe("activations-00000.safetensors");
  expect(summary).toEqual({ files: 1, activations: 5, bytes: bytes.length });
  const header = JSON.parse(
    Buffer.from(bytes.subarray(8, 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)))).toString(),
  );
  expect(header.__metadata__).toMatchObject({
    ...{ model: "gpt2", revision: model.revision, prepend_bos: "true", tokens_per_text: "24", first_text: "0", texts: "5" },
  });
});

test("what does not fit into one file is cut by positions, in order, and nothing is lost or changed", async () => {
  const text = Array.from({ length: 256 }, (_, i) => (i * 37) % 4000);
  const request: ExperimentRequestInput = {
    kind: "activations",
    model: "prose-6m",
    data: { tokens: [text, text.toReversed()] },
    tokens_per_text: 256,
    prepend_bos: false,
  };
  const { total, inputs } = await shipped.plan(request);
  expect([total, inputs.length]).toEqual([2, 12]);
  const files = await filesOf(shipped, request);
  expect(files.every(({ bytes }) => bytes.length <= 4 * 2 ** 20)).toBe(true);
  const index = files.flatMap(({ file }) => file.ids("index"));
  expect(index).toEqual([text, text.toReversed()].flatMap((ids, i) => ids.flatMap((id, position) => [i, position, id])));
  const [alone] = await filesOf(shipped, { ...request, settings: { sites: ["mlp_act"], layers: [11] } });
  const joined = files.flatMap(({ file }) => [...file.values("mlp_act.11")]);
  expect(relativeError(joined, alone?.file.values("mlp_act.11") as Float32Array)).toBe(0);
});

describe("is refused", () => {
  const refused = (more: Partial<ExperimentRequestInput>) =>
    refusalOf(laboratory, {
      kind: "activations",
      model: "gpt2",
      data: { tokens: [[0, 5, 6, 7]] },
      ...more,
    } as ExperimentRequestInput);

  test("a layer or a position that is not there", async () => {
    expect(await refused({ settings: { layers: { from: 2, to: 5 } } })).toMatchObject({
      errors: [{ pointer: "/settings/layers/to", detail: "layer 5 is out of range: gpt2 has 5 layers, so layers -5 to 4" }],
    });
    expect(await refused({ settings: { positions: [0, 4] } })).toMatchObject({
      errors: [
        {
          pointer: "/settings/positions/1",
          detail: "position 4 is out of range: every text has 4 tokens, so positions -4 to 3",
        },
      ],
    });
  });

  test("more bytes than are kept", async () => {
    const tokens = Array.from({ length: 8000 }, () => Array.from({ length: 64 }, (_, i) => i));
    const perPosition = 5 * (4 * 48 + 48 + 192) * 4 + 24;
    expect(await refused({ data: { tokens }, prepend_bos: false })).toMatchObject({
      detail:
        `512000 positions of ${perPosition} bytes each are ${512000 * perPosition} bytes, more than the most allowed, 4294967296: ` +
        "ask for fewer texts, positions, layers or sites",
      errors: [{ pointer: "/settings" }],
    });
  });
});
