/**
 * GPT-2's map between bytes and the characters that stand for them in a byte-level vocabulary: printable bytes stand
 * for themselves, the others take the code points from 256 on.
 */
const CHARS: readonly string[] = (() => {
  const printable = (byte: number): boolean => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
})();

const BYTE_OF: ReadonlyMap<string, number> = new Map(CHARS.map((char, byte) => [char, byte]));

/** The bytes that a token's characters stand for; null where one stands for none. */
export function byteLevelBytes(token: string): Uint8Array | null {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF.get(token.charAt(i));
    if (byte === undefined) return null;
    bytes[i] = byte;
  }
  return bytes;
}

/** The characters that stand for a text's bytes in UTF-8. */
export function toByteLevel(text: string): string {
  let made = "";
  for (const byte of new TextEncoder().encode(text)) made += CHARS[byte];
  return made;
}
