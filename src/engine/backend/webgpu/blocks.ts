/** One call of one block for many rows, whose streams are gathered on the device and left there. */
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { rowNorms } from "../../../metrics/vectors.ts";
import type { BlockOutput } from "../../graph/blocks.ts";
import type { ModelSpec } from "../../model-spec.ts";
import type { BlockRow, BlockRowResult } from "../backend.ts";
import { type CallInputs, callInputs, rowOutputs, wantedOutputs } from "../block-call.ts";
import { streamFeeds } from "../edit-feeds.ts";
import type { Residents } from "./residents.ts";
import { Chunk, consecutive, DeviceStream, onDevice } from "./streams.ts";
import type { Part, Transfers } from "./transfers.ts";

export class DeviceBlockRunner {
  readonly #session: InferenceSession;
  readonly #spec: ModelSpec;
  readonly #transfers: Transfers;
  readonly #residents: Residents;
  readonly #layers: readonly Tensor[];

  constructor(session: InferenceSession, spec: ModelSpec, transfers: Transfers, residents: Residents) {
    this.#session = session;
    this.#spec = spec;
    this.#transfers = transfers;
    this.#residents = residents;
    this.#layers = spec.blocks.map((_, layer) => new Tensor("int64", BigInt64Array.of(BigInt(layer)), []));
  }

  /** Runs `block` for all rows in one session call; a lone position is doubled, as on the CPU. */
  async run(block: number, rows: readonly BlockRow[]): Promise<BlockRowResult[]> {
    const inputs = callInputs(this.#spec, block, rows);
    const { computed, places } = inputs;
    const x = await this.#gather(rows, inputs.longest);
    const feeds = { layer: this.#layers[block] as Tensor, ...(await this.#residents.feeds(inputs.feeds)), x: x.shaped };
    // All outputs in every call: the binding keeps places for those of earlier calls, of their size then.
    const out = await this.#session.run(feeds).finally(() => x.owner.dispose());
    const wanted = await this.#download(out, wantedOutputs(rows));

    const starts = rows.map(({ live }, index) => ({ start: (places[index] as { start: number }).start, positions: live }));
    const edits = streamFeeds(this.#spec.dModel, rows, "resid_post", starts, computed);
    const resid = out.resid_post as Tensor;
    const chunk = new Chunk(edits ? await this.#transfers.edit(resid, edits.scale, edits.add) : resid, computed, rows.length);
    const asksForValues = rows.some(({ wants }) => wants.residual || (edits !== null && wants.norms));
    const values = asksForValues ? await this.#transfers.download(await chunk.tensor) : null;
    const data = (name: BlockOutput) => wanted.get(name) as Float32Array;
    return rows.map((row, index) => this.#result(row, index, inputs, data, chunk, values));
  }

  /** The numbers of the outputs named; all but the stream are gone from the device then. */
  async #download(out: InferenceSession.ReturnType, names: readonly BlockOutput[]): Promise<Map<BlockOutput, Float32Array>> {
    const values = new Map<BlockOutput, Float32Array>();
    try {
      for (const name of names) values.set(name, await this.#transfers.download(out[name] as Tensor));
    } finally {
      for (const [name, tensor] of Object.entries(out)) if (name !== "resid_post") tensor.dispose();
    }
    return values;
  }

  #result(
    row: BlockRow,
    index: number,
    inputs: CallInputs,
    data: (name: BlockOutput) => Float32Array,
    chunk: Chunk,
    all: Float32Array | null,
  ): BlockRowResult {
    const d = this.#spec.dModel;
    const { start, end } = inputs.places[index] as CallInputs["places"][number];
    const outputs = rowOutputs(this.#spec, row, index, inputs, data);
    const values = all?.subarray(start * d, end * d);
    if (values && row.edits.some(({ site }) => site === "resid_post")) outputs.norms?.residPost.set(rowNorms(values, d));
    return {
      residPost: new DeviceStream(chunk, consecutive(start, end - start)),
      ...outputs,
      ...(row.wants.residual && { residual: values }),
    };
  }

  /** [R, T, d]: padded on the right with the row's own first position, which no position before it sees. */
  async #gather(rows: readonly BlockRow[], longest: number): Promise<{ shaped: Tensor; owner: Tensor }> {
    if (rows.length * longest === 1) return this.#gather([...rows, ...rows], longest);
    const total = rows.length * longest;
    const parts = rows.map(({ x }): Part => {
      const { chunk, rows: own } = onDevice(x);
      return { chunk, rows: Int32Array.from({ length: longest }, (_, i) => own[i] ?? (own[0] as number)) };
    });
    const starts = rows.map((_, index) => ({ start: index * longest, positions: null }));
    const edits = streamFeeds(this.#spec.dModel, rows, "resid_pre", starts, total);
    const gathered = await this.#transfers.gather(parts, [total]);
    const owner = edits ? await this.#transfers.edit(gathered, edits.scale, edits.add) : gathered;
    return { shaped: reshaped(owner, [rows.length, longest, this.#spec.dModel]), owner };
  }
}

/** The same buffer under other dimensions; it stays the first tensor's to dispose. */
function reshaped(tensor: Tensor, dims: readonly number[]): Tensor {
  return Tensor.fromGpuBuffer(tensor.gpuBuffer, { dataType: "float32", dims });
}
