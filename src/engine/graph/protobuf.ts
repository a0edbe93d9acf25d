/** The part of the protobuf wire format that an ONNX model needs: varints, floats and length-delimited fields. */

const encoder = new TextEncoder();

/** Appends fields of one protobuf message; nested messages are written into their own writer first. */
export class ProtoWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** A field of type int32, int64, bool or enum. Negative values take ten bytes, as the format says. */
  int(field: number, value: number): this {
    this.#varint(field << 3);
    if (value >= 0) return this.#varint(value);
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 127n; rest >>= 7n) this.#push(Number(rest & 127n) | 128);
    return this.#push(Number(rest));
  }

  /** A field of type float (32 bits, little-endian). */
  float(field: number, value: number): this {
    this.#varint((field << 3) | 5);
    return this.#append(new Uint8Array(new Float32Array([value]).buffer));
  }

  /** A field of type bytes. */
  bytes(field: number, value: Uint8Array): this {
    this.#varint((field << 3) | 2);
    this.#varint(value.length);
    return this.#append(value);
  }

  /** A field of type string. */
  string(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value));
  }

  /** A nested message. */
  message(field: number, value: ProtoWriter): this {
    return this.bytes(field, value.finish());
  }

  /** The bytes written so far (a view: do not write on). */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #varint(value: number): this {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#push((rest % 128) | 128);
    return this.#push(rest);
  }

  #push(byte: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
    return this;
  }

  #append(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
