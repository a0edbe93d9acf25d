/** Residual streams in a device's memory: rows of what one call left there, freed with the last that is held. */
import type { Tensor } from "onnxruntime-node";
import type { Stream } from "../backend.ts";

/** Vectors [n, d] on the device. */
export class Chunk {
  readonly count: number;
  /** Rejects where making it failed. */
  readonly tensor: Promise<Tensor>;
  #holders: number;

  /** Held by `holders` from the start. */
  constructor(tensor: Tensor | Promise<Tensor>, count: number, holders = 1) {
    this.count = count;
    this.tensor = Promise.resolve(tensor);
    this.#holders = holders;
    // Whoever uses it hears of a failure.
    this.tensor.catch(() => {});
  }

  hold(): void {
    this.#holders++;
  }

  /** Onnxruntime's own buffers outlive this, where a call still reads them. */
  release(): void {
    if (--this.#holders === 0)
      this.tensor.then(
        (tensor) => tensor.dispose(),
        () => {},
      );
  }
}

export class DeviceStream implements Stream {
  readonly chunk: Chunk;
  /** Of the chunk, in the order of the stream's positions. */
  readonly rows: Int32Array;

  constructor(chunk: Chunk, rows: Int32Array) {
    this.chunk = chunk;
    this.rows = rows;
  }

  get count(): number {
    return this.rows.length;
  }
}

/** A stream that this backend made. */
export function onDevice(stream: Stream): DeviceStream {
  return stream as DeviceStream;
}

/** from … from + count − 1 */
export function consecutive(from: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, index) => from + index);
}
