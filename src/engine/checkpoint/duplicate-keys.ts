/**
 * Keys that an object of a JSON text has twice; `JSON.parse` silently keeps the last. The text must be valid JSON.
 * Each is returned as its path ("tensor.dtype"), once.
 */
export function duplicateKeys(text: string): string[] {
  const duplicates = new Set<string>();
  const stack: { readonly keys: Set<string>; key: string }[] = [];
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === OPEN) stack.push({ keys: new Set(), key: "" });
    else if (char === CLOSE) stack.pop();
    else if (char === QUOTE) {
      const end = endOfString(text, i);
      const top = stack.at(-1);
      if (top && isKey(text, end)) {
        top.key = unescaped(text.slice(i + 1, end));
        if (top.keys.has(top.key)) duplicates.add(stack.map(({ key }) => key).join("."));
        top.keys.add(top.key);
      }
      i = end;
    }
  }
  return [...duplicates];
}

const QUOTE = 0x22;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** The place of the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text.charCodeAt(i) !== QUOTE) i += text.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i;
}

/** Whether a colon follows the string that closes at `end`. */
function isKey(text: string, end: number): boolean {
  let i = end + 1;
  while (i < text.length && text.charCodeAt(i) <= 0x20) i++;
  return text.charCodeAt(i) === COLON;
}

function unescaped(raw: string): string {
  return raw.includes("\\") ? (JSON.parse(`"${raw}"`) as string) : raw;
}
