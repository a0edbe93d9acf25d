/** Reads tensors' numbers out of their files, as float32. */
import { closeSync, openSync } from "node:fs";
import { basename } from "node:path";
import { Problem } from "../../problem.ts";
import type { TensorRef, TensorType } from "../model-spec.ts";
import { readAt } from "./files.ts";
import { widenBf16, widenF16 } from "./half.ts";

/** Half-precision numbers that are converted at a time: what stays in a core's cache. */
const CHUNK_ELEMENTS = 1 << 16;

export interface TensorFiles {
  /** Rows of a [rows, width] tensor, in the order of `ids`: [ids, width]. Throws a RangeError for an id it does not have. */
  readRows(tensor: TensorRef, ids: readonly number[]): Float32Array<ArrayBuffer>;
  /** Columns `first` … `first + count` − 1 of a [rows, width] tensor: [rows, count]. Throws a RangeError beyond its width. */
  readColumns(tensor: TensorRef, first: number, count: number): Float32Array<ArrayBuffer>;
  /** All of a tensor, row-major. */
  readTensor(tensor: TensorRef): Float32Array<ArrayBuffer>;
  /** Closes the files; they open again when read. */
  close(): void;
}

/** Files stay open from their first read on, until `close`. Throws `model_invalid` where a file has since changed. */
export function openTensorFiles(): TensorFiles {
  const open = new Map<string, number>();
  const scratch = new Uint16Array(CHUNK_ELEMENTS);

  /** Elements from the `first` on, into `out`. */
  const read = (tensor: TensorRef, first: number, out: Float32Array): void => {
    const fd = open.get(tensor.file) ?? openFile(tensor);
    open.set(tensor.file, fd);
    if (tensor.type === "F32") {
      fill(fd, tensor, new Uint8Array(out.buffer, out.byteOffset, out.byteLength), first * 4);
      return;
    }
    for (let done = 0; done < out.length; done += CHUNK_ELEMENTS) {
      const part = scratch.subarray(0, Math.min(CHUNK_ELEMENTS, out.length - done));
      fill(fd, tensor, new Uint8Array(part.buffer, 0, part.byteLength), (first + done) * 2);
      WIDEN[tensor.type](part, out.subarray(done, done + part.length));
    }
  };

  return {
    readRows(tensor, ids) {
      const [rows = 0, width = 0] = tensor.shape;
      if (tensor.shape.length !== 2)
        throw new RangeError(`${tensor.name} has ${tensor.shape.length} dimensions; rows are read of 2`);
      const out = new Float32Array(ids.length * width); // [ids, width]
      for (const id of ids) {
        if (!Number.isInteger(id) || id < 0 || id >= rows)
          throw new RangeError(`row ${id} of ${tensor.name}; it has rows 0 to ${rows - 1}`);
      }
      for (let i = 0; i < ids.length; ) {
        const first = ids[i] as number;
        let count = 1;
        while (i + count < ids.length && ids[i + count] === first + count) count++; // neighbours in one read
        read(tensor, first * width, out.subarray(i * width, (i + count) * width));
        i += count;
      }
      return out;
    },
    readColumns(tensor, first, count) {
      const [rows = 0, width = 0] = tensor.shape;
      if (first < 0 || first + count > width)
        throw new RangeError(`columns ${first} to ${first + count - 1} of ${tensor.name}; it has columns 0 to ${width - 1}`);
      const out = new Float32Array(rows * count); // [rows, count]
      for (let row = 0; row < rows; row++) read(tensor, row * width + first, out.subarray(row * count, (row + 1) * count));
      return out;
    },
    readTensor(tensor) {
      const out = new Float32Array(tensor.shape.reduce((product, size) => product * size, 1));
      read(tensor, 0, out);
      return out;
    },
    close() {
      for (const fd of open.values()) closeSync(fd);
      open.clear();
    },
  };
}

const WIDEN: Readonly<Record<Exclude<TensorType, "F32">, (from: Uint16Array, into: Float32Array) => void>> = {
  F16: widenF16,
  BF16: widenBf16,
};

function openFile({ file }: TensorRef): number {
  try {
    return openSync(file, "r");
  } catch {
    throw new Problem("model_invalid", `${basename(file)} cannot be opened any more; it was there when the model was opened.`);
  }
}

function fill(fd: number, { file, name, offset }: TensorRef, into: Uint8Array, at: number): void {
  if (readAt(fd, into, offset + at) === into.length) return;
  throw new Problem(
    "model_invalid",
    `${basename(file)} ends within the tensor ${name}; it was longer when the model was opened.`,
  );
}
