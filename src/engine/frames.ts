/** Frames on the pipe between server and engine: four bytes of length (little-endian), then one msgpack value. */
import { Packr } from "msgpackr";

/** A frame longer than this is a broken pipe, not a message: patterns of the longest context stay far below. */
const MAX_FRAME_BYTES = 2 ** 30;

const packr = new Packr({ moreTypes: true, useRecords: false, useFloat32: 0 });

/** One message, ready to be written. */
export function encodeFrame(message: unknown): Uint8Array {
  const body = packr.pack(message);
  const frame = new Uint8Array(4 + body.length);
  new DataView(frame.buffer).setUint32(0, body.length, true);
  frame.set(body, 4);
  return frame;
}

/** Puts chunks together and hands out whole messages. Throws where the stream is no stream of frames. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #size = 0;

  /** All messages that are complete with this chunk. */
  push(chunk: Uint8Array): unknown[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const messages: unknown[] = [];
    for (;;) {
      if (this.#size < 4) return messages;
      const head = this.#peek(4);
      const length = new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true);
      if (length > MAX_FRAME_BYTES) throw new RangeError(`a frame of ${length} bytes; at most ${MAX_FRAME_BYTES} are allowed`);
      if (this.#size < 4 + length) return messages;
      const frame = this.#peek(4 + length);
      this.#drop(4 + length);
      messages.push(packr.unpack(frame.slice(4, 4 + length)));
    }
  }

  #peek(count: number): Uint8Array {
    const first = this.#chunks[0] as Uint8Array;
    if (first.length >= count) return first;
    const whole = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [whole];
    return whole;
  }

  #drop(count: number): void {
    const first = this.#chunks[0] as Uint8Array;
    this.#size -= count;
    if (first.length === count) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(count);
  }
}
