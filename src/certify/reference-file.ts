/** A reference: what another program computes of a model, in a safetensors file. Read whole, checked before it is used. */
import { basename } from "node:path";
import { readAt, withFile } from "../engine/checkpoint/files.ts";
import { listed, quote } from "../engine/checkpoint/problems.ts";
import { openTensorFiles } from "../engine/checkpoint/rows.ts";
import { readSafetensors, type StoredTensor } from "../engine/checkpoint/safetensors.ts";
import { Problem } from "../problem.ts";

/** A tensor that is read whole: logits of 100 texts of 512 tokens in a vocabulary of 5,000, or of 50,000 and a tenth. */
const MAX_TENSOR_BYTES = 2 ** 30;

export interface ReferenceFile {
  /** As messages call it. */
  readonly name: string;
  readonly names: readonly string[];
  shape(tensor: string): readonly number[] | undefined;
  /** Of an F32 tensor, row-major. Throws `invalid_request` for any other. */
  values(tensor: string): Float32Array;
  /** Of an I64 or I32 tensor. Throws `invalid_request` for any other. */
  ids(tensor: string): number[];
}

/** Opens a file. Throws `invalid_request`, with all that is wrong, where it is no safetensors file. */
export function openReference(path: string): ReferenceFile {
  const name = basename(path);
  const problems: string[] = [];
  const file = readSafetensors(path, name, problems);
  if (!file || problems.length > 0) throw refused(name, problems);
  const find = (tensor: string, types: readonly string[]): StoredTensor => {
    const stored = file.tensors.get(tensor);
    if (!stored) throw refused(name, [`tensor ${quote(tensor)} is missing`]);
    if (!types.includes(stored.dtype))
      throw refused(name, [`tensor ${quote(tensor)} has dtype ${stored.dtype}; ${types.join(" or ")} is expected`]);
    if (stored.length > MAX_TENSOR_BYTES)
      throw refused(name, [`tensor ${quote(tensor)} has ${stored.length} bytes; at most ${MAX_TENSOR_BYTES} are read`]);
    return stored;
  };
  return {
    name,
    names: [...file.tensors.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true })),
    shape: (tensor) => file.tensors.get(tensor)?.shape,
    values(tensor) {
      const files = openTensorFiles();
      try {
        return files.readTensor({ ...find(tensor, ["F32"]), type: "F32" });
      } finally {
        files.close();
      }
    },
    ids(tensor) {
      const stored = find(tensor, ["I64", "I32"]);
      const bytes = Buffer.alloc(stored.length);
      withFile(stored.file, name, problems, (fd) => readAt(fd, bytes, stored.offset));
      if (problems.length > 0) throw refused(name, problems);
      const count = stored.shape.reduce((product, size) => product * size, 1);
      return Array.from({ length: count }, (_, i) =>
        stored.dtype === "I64" ? Number(bytes.readBigInt64LE(i * 8)) : bytes.readInt32LE(i * 4),
      );
    },
  };
}

/** What a reference is refused with. */
export function refused(name: string, problems: readonly string[]): Problem {
  return new Problem("invalid_request", `The reference ${name} cannot be used. ${listed(problems).join("; ")}.`);
}
