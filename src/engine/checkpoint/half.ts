/** 16-bit floating-point numbers, as their bits, to float32 and back. */

/** binary16 to float32; exact. Both arrays have the same length. */
export function widenF16(from: Uint16Array, into: Float32Array): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < from.length; i++) {
    const half = from[i] as number;
    const sign = (half & 0x8000) << 16;
    const exponent = half & 0x7c00;
    const fraction = half & 0x03ff;
    if (exponent === 0) {
      into[i] = fraction * 2 ** -24; // zero, or below the normal numbers
      bits[i] = (bits[i] as number) | sign;
    } else {
      const rebased = exponent === 0x7c00 ? 0x7f800000 : (exponent << 13) + 0x38000000;
      bits[i] = sign | rebased | (fraction << 13);
    }
  }
}

/** bfloat16 to float32; exact. Both arrays have the same length. */
export function widenBf16(from: Uint16Array, into: Float32Array): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < from.length; i++) bits[i] = (from[i] as number) << 16;
}
