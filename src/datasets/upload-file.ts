/** An upload as a file: a line of JSON that describes it, padded to a fixed length, and then its bytes as they came. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { UploadHeader } from "./uploaded.ts";

/** Room for the description, which is written last; its longest form is half of it. */
export const HEADER_BYTES = 512;
const PIECE_BYTES = 2 ** 20;

/** The first bytes of a file. */
export function encodeHeader(header: UploadHeader): Buffer {
  return Buffer.from(`${JSON.stringify(header).padEnd(HEADER_BYTES - 1)}\n`);
}

/** null: there is no such file, or none that is whole. */
export async function readHeader(path: string): Promise<UploadHeader | null> {
  const file = await open(path, "r").catch(() => null);
  if (!file) return null;
  try {
    const { buffer } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    const header = JSON.parse(buffer.toString("utf8")) as UploadHeader;
    return header.dataset === 1 && (await file.stat()).size === HEADER_BYTES + header.bytes ? header : null;
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

/** What follows the description. */
export function contentOf(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path, { start: HEADER_BYTES, highWaterMark: PIECE_BYTES });
}
