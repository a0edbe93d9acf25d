/** How wide the letters of a TrueType font are (OpenType specification: head, hhea, hmtx, cmap formats 4 and 12). */

/** In ems: a letter at 10 px is this × 10 px wide. */
export type Advances = (codePoint: number) => number;

/** Throws where the bytes are no such font. What the font lacks is as wide as its sign for that. */
export function advancesOf(font: Uint8Array): Advances {
  const view = new DataView(font.buffer, font.byteOffset, font.byteLength);
  const tables = tablesOf(view);
  const at = (tag: string): number => {
    const offset = tables.get(tag);
    if (offset === undefined) throw new Error(`the font has no table ${tag}`);
    return offset;
  };
  const unitsPerEm = view.getUint16(at("head") + 18);
  const measured = view.getUint16(at("hhea") + 34); // glyphs from there on are as wide as the last one
  const widths = at("hmtx");
  const glyphs = glyphsOf(view, at("cmap"));
  return (codePoint) => view.getUint16(widths + 4 * Math.min(glyphs.get(codePoint) ?? 0, measured - 1)) / unitsPerEm;
}

function tablesOf(view: DataView): Map<string, number> {
  const tables = new Map<string, number>();
  for (let i = 0; i < view.getUint16(4); i++) {
    const record = 12 + 16 * i;
    const tag = String.fromCharCode(...[0, 1, 2, 3].map((letter) => view.getUint8(record + letter)));
    tables.set(tag, view.getUint32(record + 8));
  }
  return tables;
}

/** Code point → glyph, from the Unicode subtables; those of the whole of Unicode come last and win. */
function glyphsOf(view: DataView, cmap: number): Map<number, number> {
  const glyphs = new Map<number, number>();
  for (let i = 0; i < view.getUint16(cmap + 2); i++) {
    const subtable = cmap + view.getUint32(cmap + 4 + 8 * i + 4);
    const format = view.getUint16(subtable);
    if (format === 4) readSegments(view, subtable, glyphs);
    if (format === 12) readGroups(view, subtable, glyphs);
  }
  return glyphs;
}

/** Format 4: segments of code points below 2¹⁶. */
function readSegments(view: DataView, table: number, glyphs: Map<number, number>): void {
  const twice = view.getUint16(table + 6);
  for (let segment = 0; segment < twice; segment += 2) {
    const end = view.getUint16(table + 14 + segment);
    const start = view.getUint16(table + 16 + twice + segment);
    const delta = view.getUint16(table + 16 + 2 * twice + segment);
    const rangeAt = table + 16 + 3 * twice + segment;
    const range = view.getUint16(rangeAt);
    for (let code = start; code <= end && code !== 0xffff; code++) {
      const glyph = range === 0 ? code : view.getUint16(rangeAt + range + 2 * (code - start));
      if (range === 0 || glyph !== 0) glyphs.set(code, (glyph + delta) & 0xffff);
    }
  }
}

/** Format 12: groups of code points, all of Unicode. */
function readGroups(view: DataView, table: number, glyphs: Map<number, number>): void {
  for (let group = 0; group < view.getUint32(table + 12); group++) {
    const record = table + 16 + 12 * group;
    const start = view.getUint32(record);
    const end = view.getUint32(record + 4);
    for (let code = start; code <= end; code++) glyphs.set(code, view.getUint32(record + 8) + code - start);
  }
}
