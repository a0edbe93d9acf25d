import { createHash } from "node:crypto";
import type { CaptureName } from "../../engine/protocol.ts";
import { baselineSchedule, type Site } from "../../engine/schedule.ts";
import { listLayers } from "../../interventions/named.ts";
import { resolvePositions } from "../../interventions/positions.ts";
import { refuse } from "../../runs/tokens.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import { chunksOf, longestOf } from "../chunks.ts";
import { type Tensor, writeSafetensors } from "../formats/safetensors.ts";
import type { Fold, Kind, PlannedChunk } from "../kind.ts";
import type { LabJob, RunOutput } from "../lab.ts";
import type { Column, ResultRow } from "../result.ts";
import { provenanceOf, type Study, type StudyModel } from "../study.ts";

type Settings = SettingsOf<"activations">;

/** Neighbouring texts, and which of the chosen positions of each. */
interface Input {
  readonly first: number;
  readonly texts: readonly Int32Array[];
  /** Of every text, ascending. */
  readonly positions: readonly Int32Array[];
}

interface Output {
  /** A safetensors file. */
  readonly shard: Uint8Array;
  /** Rows of its tensors. */
  readonly count: number;
  /** Hexadecimal, of the file. */
  readonly sha256: string;
}

/** Numbers of one shard: with its header a file stays below 4 MiB, as much as the embedded database takes well at a time. */
const SHARD_BYTES = 4 * 2 ** 20 - 2 ** 18;
/** Numbers of one position, which are never parted. */
const MAX_ROW_BYTES = 16 * 2 ** 20 - 2 ** 18;
/** Numbers of all shards. They are kept with the experiment. */
const MAX_BYTES = 4 * 2 ** 30;
/** Tokens of the texts of a shard: what is lost with it, at most. */
const SHARD_TOKENS = 4096;
/** text, position and token id, as int64. */
const INDEX_BYTES = 24;

const COLUMNS: readonly Column[] = [
  { name: "file", type: "string", description: "a safetensors shard" },
  { name: "first_text", type: "int", description: "number among the texts used" },
  { name: "texts", type: "int", description: "texts that are in it" },
  { name: "activations", type: "int", description: "rows of each of its tensors" },
  { name: "bytes", type: "int", description: "of the file" },
  { name: "sha256", type: "string", description: "of the file, hexadecimal" },
];

/**
 * What the untouched model has at sites of layers and positions of texts, as float32 in safetensors shards: a tensor
 * `site.layer` [n, width] for each, and `index` [n, 3], int64: text, position and token id of every row.
 */
export const activations: Kind<Settings, Input, Output> = {
  name: "activations",
  async plan(ask) {
    const { material, model, settings } = ask;
    const { tokens, tokensPerText, lengths } = await material.cut();
    const positions = tokens.map(({ length }, text) =>
      positionsOf(settings.positions, length, tokensPerText === null ? text : null),
    );
    const layers = listLayers(settings.layers ?? allLayers(model), "/settings/layers", model);
    const rowBytes = settings.sites.reduce((sum, site) => sum + widthOf(site, model), 0) * layers.length * 4 + INDEX_BYTES;
    checkBytes(rowBytes, countOf(positions));
    const chunks = shards(tokens, positions, Math.max(1, Math.floor(SHARD_BYTES / rowBytes)));
    return { chunks, tokensPerText, lengths, texts: tokens.length };
  },
  jobs(study, { texts, positions }) {
    const longest = texts.indexOf(longestOf(texts));
    return [jobOf(study, texts[longest] as Int32Array, positions[longest] as Int32Array)];
  },
  async compute(study, input, lab) {
    const { texts, positions } = input;
    const outputs = await lab.all(texts, (text, i) => lab.run(jobOf(study, text, positions[i] as Int32Array)));
    const count = countOf(positions);
    const shard = writeSafetensors([indexOf(input), ...tensorsOf(study, outputs, count)], metadataOf(study, input));
    const sha256 = createHash("sha256").update(shard).digest("hex");
    return { shard, count, sha256 };
  },
  fold: () => new ShardList(),
  files: {
    name: fileName,
    contentType: "application/octet-stream",
    bytes: ({ shard }) => shard,
  },
};

function fileName(chunk: number): string {
  return `activations-${String(chunk).padStart(5, "0")}.safetensors`;
}

function allLayers({ nLayers }: StudyModel): { from: number; to: number } {
  return { from: 0, to: nLayers - 1 };
}

function widthOf(site: Site, { dModel, nHeads, headDim, dMlp }: StudyModel): number {
  if (site === "z") return nHeads * headDim;
  return site === "mlp_act" ? dMlp : dModel;
}

/** Of one text; `text`: its number, named in a refusal where texts have lengths of their own. */
function positionsOf(positions: Settings["positions"], length: number, text: number | null): Int32Array {
  if (positions === "last") return Int32Array.of(length - 1);
  if (positions === "all") return Int32Array.from({ length }, (_, position) => position);
  for (const [i, position] of positions.entries())
    if (position >= length || position < -length)
      refuse(
        `/settings/positions/${i}`,
        `position ${position} is out of range: ${text === null ? "every text" : `text ${text}`} has ${length} tokens, so positions ${-length} to ${length - 1}`,
      );
  return Int32Array.from(resolvePositions(positions, length, "/settings/positions"));
}

function countOf(positions: readonly Int32Array[]): number {
  return positions.reduce((sum, { length }) => sum + length, 0);
}

function checkBytes(rowBytes: number, rows: number): void {
  if (rowBytes > MAX_ROW_BYTES)
    refuse(
      "/settings",
      `one position takes ${rowBytes} bytes, more than a file's most, ${MAX_ROW_BYTES}: ask for fewer layers or sites`,
    );
  if (rowBytes * rows > MAX_BYTES)
    refuse(
      "/settings",
      `${rows} positions of ${rowBytes} bytes each are ${rowBytes * rows} bytes, more than the most allowed, ${MAX_BYTES}: ` +
        "ask for fewer texts, positions, layers or sites",
    );
}

/** Whole texts, as many as fit; a text that does not fit is cut by positions, and run once for each part. */
function shards(texts: readonly Int32Array[], positions: readonly Int32Array[], rows: number): PlannedChunk<Input>[] {
  const chunks: { units: number; longest: number; input: { first: number; texts: Int32Array[]; positions: Int32Array[] } }[] = [];
  let room = { rows: 0, tokens: 0 };
  for (const [first, text] of texts.entries()) {
    const own = positions[first] as Int32Array;
    const last = chunks.at(-1);
    if (last && own.length <= room.rows && text.length <= room.tokens) {
      last.units++;
      last.longest = Math.max(last.longest, text.length);
      last.input.texts.push(text);
      last.input.positions.push(own);
    } else {
      const parts = chunksOf([...own], rows).map(({ items }) => Int32Array.from(items));
      // A text is done with its last part.
      for (const [i, part] of parts.entries())
        chunks.push({
          units: i === parts.length - 1 ? 1 : 0,
          longest: text.length,
          input: { first, texts: [text], positions: [part] },
        });
      room = parts.length > 1 ? { rows: 0, tokens: 0 } : { rows, tokens: SHARD_TOKENS };
    }
    room = { rows: room.rows - own.length, tokens: room.tokens - text.length };
  }
  return chunks;
}

function layersOf({ settings, model }: Study<Settings>): number[] {
  return listLayers(settings.layers ?? allLayers(model), "/settings/layers", model).map(({ block }) => block);
}

const CAPTURES: Readonly<Record<Site, CaptureName>> = {
  resid_pre: "residuals",
  resid_post: "residuals",
  attn_out: "components",
  mlp_out: "components",
  mlp_act: "mlp_act",
  z: "z",
};

/** The untouched model as far as the last layer asked for. */
function jobOf(study: Study<Settings>, text: Int32Array, positions: Int32Array): LabJob {
  const { name, steps } = baselineSchedule(study.model.nLayers);
  const layers = layersOf(study);
  return {
    tokens: [...text],
    schedules: [{ name, steps: steps.slice(0, Math.max(...layers) + 1) }],
    baseline: null,
    capture: [...new Set(study.settings.sites.map((site) => CAPTURES[site]))],
    capturePositions: [...positions],
    // What a layer reads, the one before it left.
    captureBlocks: study.settings.sites.includes("resid_pre") ? layers.flatMap((layer) => [layer - 1, layer]) : layers,
    readout: {},
  };
}

function indexOf({ first, texts, positions }: Input): Tensor {
  const rows = texts.flatMap((text, i) =>
    Array.from(positions[i] as Int32Array, (position) => [first + i, position, text[position] as number] as const),
  );
  return { name: "index", shape: [rows.length, 3], values: BigInt64Array.from(rows.flat(), BigInt) };
}

/** `count`: positions of all texts together. */
function tensorsOf(study: Study<Settings>, outputs: readonly RunOutput[], count: number): Tensor[] {
  return layersOf(study).flatMap((layer) =>
    study.settings.sites.map((site) => {
      const width = widthOf(site, study.model);
      const values = new Float32Array(count * width);
      let at = 0;
      for (const output of outputs) {
        const own = valuesAt(site, layer, output);
        values.set(own, at);
        at += own.length;
      }
      return { name: `${site}.${layer}`, shape: [count, width], values };
    }),
  );
}

/** [P, width] */
function valuesAt(site: Site, layer: number, { layers }: RunOutput): Float32Array {
  const after = layers.find(({ step }) => step === (site === "resid_pre" ? layer : layer + 1));
  const values = {
    resid_pre: after?.residual,
    resid_post: after?.residual,
    attn_out: after?.components?.[0]?.attnOut,
    mlp_out: after?.components?.[0]?.mlpOut,
    z: after?.sites?.find((one) => one.site === "z")?.values,
    mlp_act: after?.sites?.find((one) => one.site === "mlp_act")?.values,
  }[site];
  if (!values) throw new Error(`the engine gave no ${site} of layer ${layer}`);
  return values;
}

function metadataOf(study: Study<Settings>, { first, texts }: Input): Record<string, string> {
  const { model, data, kind, version, tokens_per_text, prepend_bos, settings } = provenanceOf(study);
  const all = {
    ...{ kind, version, model: model.id, revision: model.revision, family: model.family },
    ...{ dataset: data?.dataset ?? "", dataset_sha256: data?.sha256 ?? "", tokens_per_text: tokens_per_text ?? "", prepend_bos },
    ...{ settings: JSON.stringify(settings), first_text: first, texts: texts.length, weights: "raw" },
  };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, String(value)]));
}

/** What each shard is; not what is in it. */
class ShardList implements Fold<Input, Output> {
  readonly #rows: ResultRow[] = [];

  add({ shard, count, sha256 }: Output, { first, texts }: Input): void {
    this.#rows.push({
      ...{ file: fileName(this.#rows.length), first_text: first, texts: texts.length },
      ...{ activations: count, bytes: shard.length, sha256 },
    });
  }

  progress(): readonly ResultRow[] {
    return [];
  }

  finish() {
    const sum = (name: string) => this.#rows.reduce((total, row) => total + (row[name] as number), 0);
    const summary = { files: this.#rows.length, activations: sum("activations"), bytes: sum("bytes") };
    return { summary, table: { columns: COLUMNS, rows: this.#rows } };
  }
}
