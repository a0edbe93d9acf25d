import { unnormalized } from "./unicode.ts";

export interface Normalizer {
  normalize(text: string): string;
  /** Whether what it makes of a text begins where the text does: nothing was cut off at the start. */
  keepsStart(text: string): boolean;
}

/** One after the other. */
export function inOrder(parts: readonly Normalizer[]): Normalizer {
  return {
    normalize: (text) => parts.reduce((made, part) => part.normalize(made), text),
    keepsStart: (text) => {
      let made = text;
      return parts.every((part) => {
        const keeps = part.keepsStart(made);
        made = part.normalize(made);
        return keeps;
      });
    },
  };
}

/** That cuts nothing off at the start. */
export function keeping(normalize: (text: string) => string): Normalizer {
  return { normalize, keepsStart: () => true };
}

/** Without the members of a class. */
export function removing(members: string): Normalizer {
  const all = new RegExp(`[${members}]`, "gv");
  const first = new RegExp(`^[${members}]`, "v");
  return { normalize: (text) => text.replace(all, ""), keepsStart: (text) => !first.test(text) };
}

/** Character by character: no final sigma, which depends on what stands beside it. */
export function lowercase(text: string): string {
  return text.includes("\u03a3") ? Array.from(text, (char) => char.toLowerCase()).join("") : text.toLowerCase();
}

/** A Unicode normal form that leaves what is newer than the `tokenizers` package's tables as it is. */
export function normalForm(text: string, form: "NFC" | "NFD" | "NFKC" | "NFKD"): string {
  if (isAscii(text)) return text;
  unknown ??= new RegExp(`([${unnormalized()}]+)`, "v");
  const parts = text.split(unknown); // text, unknown, text, …
  return parts.map((part, i) => (i % 2 === 0 ? part.normalize(form) : part)).join("");
}

let unknown: RegExp | undefined;

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}
