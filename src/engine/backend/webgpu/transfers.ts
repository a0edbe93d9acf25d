/** Vectors on their way: up to the device, down from it, and from place to place on it. */
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { createSession, type LoadOptions } from "../../session.ts";
import { copyGraph, editGraph, gatherGraph, meanGraph, mergeGraph } from "./graphs.ts";
import { Chunk } from "./streams.ts";

/** Rows of a chunk; several of these behind one another are gathered in one call. */
export interface Part {
  readonly chunk: Chunk;
  readonly rows: Int32Array;
}

/** Chunks that one call gathers from: the rows of a call seldom come from more. */
const SOURCES = 8;

type Work = "gather" | "merge" | "edit" | "mean" | "up" | "down";

export class Transfers {
  readonly #sessions: Readonly<Record<Work, InferenceSession>>;
  /** What stands in for sources that a call does not have: one row. */
  readonly #blank: Tensor;

  private constructor(sessions: Readonly<Record<Work, InferenceSession>>, blank: Tensor) {
    this.#sessions = sessions;
    this.#blank = blank;
  }

  /** `d`: the width of the vectors. */
  static async create(given: LoadOptions, d: number): Promise<Transfers> {
    const options: LoadOptions = { ...given, threads: 1, half: null };
    const make = (graph: Uint8Array) => createSession(graph, options, ["y"]);
    const sessions = {
      gather: await make(gatherGraph()),
      merge: await make(mergeGraph(SOURCES)),
      edit: await make(editGraph()),
      mean: await make(meanGraph()),
      up: await make(copyGraph()),
      down: await createSession(copyGraph(), options),
    };
    const { y } = await sessions.up.run({ x: new Tensor("float32", new Float32Array(d), [1, d]) });
    return new Transfers(sessions, y as Tensor);
  }

  /** A tensor of this process, on the device. */
  upload(tensor: Tensor): Promise<Tensor> {
    return this.#run("up", { x: tensor });
  }

  /** The numbers of a tensor on the device. */
  async download(tensor: Tensor): Promise<Float32Array> {
    return (await this.#run("down", { x: tensor })).data as Float32Array;
  }

  /** The rows of all parts behind one another, [...dims, d]; the product of `dims` is their number. The caller's to dispose. */
  async gather(parts: readonly Part[], dims: readonly number[]): Promise<Tensor> {
    const chunks = [...new Set(parts.map(({ chunk }) => chunk))];
    for (const chunk of chunks) chunk.hold();
    try {
      if (chunks.length > SOURCES) return await this.#gatherInTurns(parts, chunks, dims);
      if (chunks.length === 1)
        return await this.#run("gather", {
          source_0: await (chunks[0] as Chunk).tensor,
          rows_0: indices(joinedRows(parts), dims),
        });
      return await this.#merge(parts, chunks, dims);
    } finally {
      for (const chunk of chunks) chunk.release();
    }
  }

  /** scale · x + add, [n, d]; `x` is disposed. */
  async edit(x: Tensor, scale: Tensor, add: Tensor): Promise<Tensor> {
    const edited = await this.#run("edit", { x, scale, add });
    x.dispose();
    return edited;
  }

  /** The mean of the first axis of [k, n, d]; `x` is disposed. */
  async mean(x: Tensor): Promise<Tensor> {
    const mean = await this.#run("mean", { x });
    x.dispose();
    return mean;
  }

  async close(): Promise<void> {
    this.#blank.dispose();
    for (const session of Object.values(this.#sessions)) await session.release();
  }

  async #merge(parts: readonly Part[], chunks: readonly Chunk[], dims: readonly number[]): Promise<Tensor> {
    const rowsOf = new Map<Chunk, number[]>(chunks.map((chunk) => [chunk, []]));
    for (const { chunk, rows } of parts) rowsOf.get(chunk)?.push(...rows);
    const next = new Map<Chunk, number>();
    let first = 0;
    const feeds: Record<string, Tensor> = {};
    for (let i = 0; i < SOURCES; i++) {
      const chunk = chunks[i];
      const rows = (chunk && rowsOf.get(chunk)) ?? [0];
      if (chunk) next.set(chunk, first);
      first += rows.length;
      feeds[`source_${i}`] = chunk ? await chunk.tensor : this.#blank;
      feeds[`rows_${i}`] = indices(rows, [rows.length]);
    }
    const order: number[] = [];
    for (const { chunk, rows } of parts) {
      const start = next.get(chunk) as number;
      for (let i = 0; i < rows.length; i++) order.push(start + i);
      next.set(chunk, start + rows.length);
    }
    return this.#run("merge", { ...feeds, order: indices(order, dims) });
  }

  /** Too many sources for one call: as many as it takes are brought together first. */
  async #gatherInTurns(parts: readonly Part[], chunks: readonly Chunk[], dims: readonly number[]): Promise<Tensor> {
    const first = new Set(chunks.slice(0, SOURCES));
    const chosen = parts.filter(({ chunk }) => first.has(chunk));
    const count = chosen.reduce((sum, { rows }) => sum + rows.length, 0);
    const joined = new Chunk(await this.gather(chosen, [count]), count);
    let at = 0;
    const turned = parts.map((part) =>
      first.has(part.chunk) ? { chunk: joined, rows: Int32Array.from(part.rows, () => at++) } : part,
    );
    try {
      return await this.gather(turned, dims);
    } finally {
      joined.release();
    }
  }

  async #run(work: Work, feeds: Record<string, Tensor>): Promise<Tensor> {
    return (await this.#sessions[work].run(feeds)).y as Tensor;
  }
}

function indices(values: readonly number[], dims: readonly number[]): Tensor {
  return new Tensor("int64", BigInt64Array.from(values, BigInt), dims);
}

function joinedRows(parts: readonly Part[]): number[] {
  return parts.flatMap(({ rows }) => [...rows]);
}
