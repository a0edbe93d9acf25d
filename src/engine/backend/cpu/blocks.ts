/** One call of one block for many rows: gathers what they need, runs the session once, hands out views. */
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { rowNorms } from "../../../metrics/vectors.ts";
import type { BlockOutput } from "../../graph/blocks.ts";
import type { ModelSpec } from "../../model-spec.ts";
import type { BlockRow, BlockRowResult } from "../backend.ts";
import { type CallInputs, callInputs, neutralFeeds, rowOutputs, wantedOutputs } from "../block-call.ts";
import { editStream } from "../edit-feeds.ts";
import { LargeArrays } from "./large-arrays.ts";
import { CpuStream, valuesOf } from "./streams.ts";

export class BlockRunner {
  readonly #session: InferenceSession;
  readonly #spec: ModelSpec;
  readonly #neutral: Record<string, Tensor>;
  readonly #layers: readonly Tensor[];
  readonly #arrays = new LargeArrays();
  #scratch = new Float32Array(0);

  constructor(session: InferenceSession, spec: ModelSpec) {
    this.#session = session;
    this.#spec = spec;
    this.#neutral = neutralFeeds(spec);
    this.#layers = spec.blocks.map((_, layer) => new Tensor("int64", BigInt64Array.of(BigInt(layer)), []));
  }

  /** Runs `block` for all rows in one session call; a product of one row takes another kernel, so a lone one is doubled. */
  async run(block: number, rows: readonly BlockRow[]): Promise<BlockRowResult[]> {
    const d = this.#spec.dModel;
    const inputs = callInputs(this.#spec, block, rows);
    const { computed, longest } = inputs;
    const fetches: Partial<Record<BlockOutput, Tensor | null>> = {
      resid_post: new Tensor("float32", this.#arrays.make(computed * d), [computed, d]),
    };
    for (const name of wantedOutputs(rows)) fetches[name] = null;
    const feeds = { x: this.#gather(rows, longest), layer: this.#layers[block] as Tensor, ...this.#neutral, ...inputs.feeds };
    const out = await this.#session.run(feeds, fetches as Record<string, Tensor | null>);
    const data = (name: BlockOutput) => out[name]?.data as Float32Array;
    return rows.map((row, index) => this.#result(row, index, inputs, data));
  }

  #result(row: BlockRow, index: number, inputs: CallInputs, data: (name: BlockOutput) => Float32Array): BlockRowResult {
    const d = this.#spec.dModel;
    const { start, end } = inputs.places[index] as CallInputs["places"][number];
    const values = data("resid_post").subarray(start * d, end * d);
    const outputs = rowOutputs(this.#spec, row, index, inputs, data);
    if (row.edits.some(({ site }) => site === "resid_post")) {
      editStream(values, d, row.live, row.edits, "resid_post");
      outputs.norms?.residPost.set(rowNorms(values, d));
    }
    return { residPost: new CpuStream(values, d), ...outputs, ...(row.wants.residual && { residual: values }) };
  }

  /** [R, T, d], right-padded with zeros, one lone position doubled; without a copy where the rows already lie behind one another. */
  #gather(rows: readonly BlockRow[], longest: number): Tensor {
    const d = this.#spec.dModel;
    if (rows.length * longest === 1) return this.#gather([...rows, ...rows], longest);
    const size = rows.length * longest * d;
    const dims = [rows.length, longest, d];
    const first = valuesOf((rows[0] as BlockRow).x);
    const adjacent = rows.every(({ x, edits }, index) => {
      const values = valuesOf(x);
      return (
        values.buffer === first.buffer &&
        values.length === longest * d &&
        values.byteOffset === first.byteOffset + index * longest * d * 4 &&
        !edits.some(({ site }) => site === "resid_pre")
      );
    });
    if (adjacent) return new Tensor("float32", new Float32Array(first.buffer, first.byteOffset, size), dims);
    if (this.#scratch.length < size) this.#scratch = new Float32Array(size);
    for (const [index, { x, edits }] of rows.entries()) {
      const start = index * longest * d;
      const values = valuesOf(x);
      this.#scratch.set(values, start);
      this.#scratch.fill(0, start + values.length, start + longest * d);
      editStream(this.#scratch.subarray(start, start + values.length), d, null, edits, "resid_pre");
    }
    return new Tensor("float32", this.#scratch.subarray(0, size), dims);
  }
}
