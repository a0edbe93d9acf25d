/** Vega's SVG made smaller and safe to stand beside others in one page. What is seen stays the same. */
import { createHash } from "node:crypto";
import { FONT } from "./theme.ts";

/** Of a pixel: finer than a screen or a printer shows. */
const DECIMALS = 2;

/** Attributes that are lists of numbers. */
const NUMBERS = /^(?:d|transform|x|y|x1|x2|y1|y2|dx|dy|width|height|opacity|fill-opacity|stroke-opacity|stroke-width|offset)$/;
/** For scripts in a page; nobody reads them here. */
const UNUSED = /^(?:class|role|pointer-events|aria-.*|stroke-miterlimit|version|xmlns:xlink)$/;
/** What only says what holds without it; x2 and y2 of lines alone: a gradient's x2 is 100 %. */
const DEFAULTS: Readonly<Record<string, string>> = { opacity: "1", "stroke-width": "1", "fill-opacity": "1" };
const LINE_DEFAULTS: Readonly<Record<string, string>> = { ...DEFAULTS, x2: "0", y2: "0" };

/** `text`: read aloud instead of the picture. Ids get a prefix of the picture's own hash, so that no two pictures share one. */
export function compactSvg(svg: string, text: string): string {
  const ids = renamedIds(svg);
  const small = svg
    .replace(/<[a-zA-Z][^>]*>/g, (tag) => compactTag(tag, ids))
    .replace(/<path(?: [^>]*)? display="none"[^>]*\/>/g, "")
    .replace(/<path d="[^"]*"\/>/g, "")
    .replace(/ transform="translate\(0,0\)"/g, "")
    .replace(/<path( [^>]*)?\/>/g, circle);
  const labelled = withoutEmptyGroups(small).replace(
    /^<svg /,
    () => `<svg role="img" aria-label="${escaped(text)}" font-family="${FONT}" `,
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML cannot hold them, and names may
  return labelled.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd").toWellFormed();
}

/** Vega counts ids over all that a process draws: here they are counted anew. */
function renamedIds(svg: string): ReadonlyMap<string, string> {
  const found = [...svg.matchAll(/<[a-zA-Z]+ [^>]*?\bid="([^"]*)"/g)].map(([, id = ""]) => id);
  const places = new Map(found.map((id, place) => [id, place]));
  const same = svg.replace(/(\bid="|url\(#)([^")]*)/g, (_, before: string, id: string) => `${before}${places.get(id) ?? id}`);
  const prefix = createHash("sha256").update(same).digest("hex").slice(0, 8);
  return new Map(found.map((id, place) => [id, `f${prefix}-${place}`]));
}

function compactTag(tag: string, ids: ReadonlyMap<string, string>): string {
  const defaults = tag.startsWith("<line ") ? LINE_DEFAULTS : DEFAULTS;
  const short = tag.replace(/ ([\w:-]+)="([^"]*)"/g, (_, name: string, value: string) => {
    if (UNUSED.test(name) || (name === "font-family" && value === FONT)) return "";
    const compacted = compactValue(name, value, ids);
    return defaults[name] === compacted ? "" : ` ${name}="${compacted}"`;
  });
  const drawn = / stroke="/.test(short) || short.startsWith("<g") ? short : short.replace(/ stroke-width="[^"]*"/, "");
  // Rectangles that touch show seams where their edges are blended.
  return tag.startsWith('<g class="mark-rect role-mark') ? drawn.replace("<g", '<g shape-rendering="crispEdges"') : drawn;
}

/** Vega draws a dot as two arcs. */
function circle(path: string): string {
  const [arcs, radius] = / d="M([\d.]+),0A\1,\1,0,1,1,-\1,0A\1,\1,0,1,1,\1,0"/.exec(path) ?? [];
  return arcs === undefined ? path : path.replace("<path", "<circle").replace(arcs, ` r="${radius}"`);
}

function compactValue(name: string, value: string, ids: ReadonlyMap<string, string>): string {
  if (name === "id") return ids.get(value) ?? value;
  if (value.startsWith("url(#")) return value.replace(/^url\(#(.*)\)$/, (_, id: string) => `url(#${ids.get(id) ?? id})`);
  if (value.startsWith("rgb(")) return hex(value);
  return NUMBERS.test(name) ? value.replace(/-?\d*\.\d+(?:e-?\d+)?|-?\d+e-?\d+/g, (number) => shortest(Number(number))) : value;
}

/** Tests hold it to Vega's own numbers, within half of the last decimal. */
function shortest(value: number): string {
  const text = String(Number(value.toFixed(DECIMALS)));
  return text === "-0" ? "0" : text;
}

/** `rgb(1, 2, 3)` as `#010203`; with an opacity it stays. */
function hex(value: string): string {
  const [, ...parts] = /^rgb\((\d+), ?(\d+), ?(\d+)\)$/.exec(value) ?? [];
  if (parts.length === 0) return value;
  return `#${parts.map((part) => Number(part).toString(16).padStart(2, "0")).join("")}`;
}

/** Also groups that hold nothing but such groups. */
function withoutEmptyGroups(svg: string): string {
  const less = svg.replace(/<g(?: [^>]*)?(?:\/>|><\/g>)/g, "");
  return less.length === svg.length ? svg : withoutEmptyGroups(less);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
