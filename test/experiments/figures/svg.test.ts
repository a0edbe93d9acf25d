import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { Resvg } from "@resvg/resvg-js";
import { describe, expect, it } from "vitest";
import { FONT_FAMILY, FONT_FILES } from "../../../src/experiments/figures/fonts.ts";
import { figureOf, KINDS_COMPARED, severalModels } from "../../../src/experiments/figures/registry.ts";
import type { VegaLiteSpec } from "../../../src/experiments/figures/spec.ts";
import { svgOf } from "../../../src/experiments/figures/svg.ts";
import { overlaps, textBoxes } from "./layout.ts";
import { KINDS, LARGE, MIDDLE, resultOf, type Shape, SMALL, TINY } from "./results.ts";

const sizeOf = (svg: string) => Buffer.byteLength(svg);

/** Every figure there is: of each kind for four depths, and of two models. */
const FIGURES: readonly (readonly [name: string, make: () => VegaLiteSpec])[] = [
  ...[TINY, SMALL, MIDDLE, LARGE].flatMap((shape: Shape) =>
    KINDS.map((kind) => [`${kind} of ${shape.id}`, () => figureOf(resultOf(kind, shape))] as const),
  ),
  ...KINDS_COMPARED.map(
    (kind) => [`${kind} of two models`, () => severalModels([resultOf(kind, SMALL), resultOf(kind, MIDDLE)])] as const,
  ),
];

describe.each(FIGURES)("The figure %s", (_, make) => {
  it("Is small, has no number that is none, and nothing of it is cut off or lies over a text", async () => {
    const svg = await svgOf(make());
    expect(sizeOf(svg)).toBeLessThan(150_000);
    expect(svg).not.toMatch(/NaN|undefined|Infinity|\[object/);
    const [, width = "", height = ""] = /width="(\d+)" height="(\d+)"/.exec(svg) ?? [];
    expect(Number(width)).toBeLessThanOrEqual(640);
    const font = { loadSystemFonts: false, fontFiles: [...FONT_FILES], defaultFontFamily: FONT_FAMILY };
    const drawn = new Resvg(svg, { font }).innerBBox(); // the white ground, and more where something stands out
    expect([drawn?.x, drawn?.y, drawn?.width, drawn?.height]).toEqual([0, 0, Number(width), Number(height)]);
    const boxes = await textBoxes(svg);
    expect(boxes.length).toBeGreaterThan(8);
    expect(overlaps(boxes)).toEqual([]);
  });
});

describe("A specification as SVG", () => {
  it("All figures of two models and their comparisons stay below 3 MB together", async () => {
    const specs = [
      ...[SMALL, MIDDLE].flatMap((shape) => KINDS.map((kind) => figureOf(resultOf(kind, shape)))),
      ...KINDS_COMPARED.map((kind) => severalModels([resultOf(kind, SMALL), resultOf(kind, MIDDLE)])),
    ];
    const sizes = await Promise.all(specs.map(async (spec) => sizeOf(await svgOf(spec))));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(3e6);
  });

  it("Has the same bytes again, whatever was drawn before or is drawn beside it", async () => {
    const [heat, curves] = [figureOf(resultOf("cka")), figureOf(resultOf("logit-lens"))];
    const first = await svgOf(heat);
    const again = await Promise.all([svgOf(curves), svgOf(heat), svgOf(figureOf(resultOf("head-importance"))), svgOf(heat)]);
    expect(again[1]).toBe(first);
    expect(again[3]).toBe(first);
  });

  it("Shares no id with another one, so that both can stand in one page", async () => {
    const ids = (svg: string) => [...svg.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    const [a, b] = [await svgOf(figureOf(resultOf("cka"))), await svgOf(figureOf(resultOf("cka", MIDDLE)))];
    expect(ids(a)).toHaveLength(1);
    expect(ids(b)).not.toEqual(ids(a));
    for (const svg of [a, b]) expect([...svg.matchAll(/url\(#([^)]*)\)/g)].map(([, id]) => id)).toEqual(ids(svg));
  });

  it("Says in words what it shows", async () => {
    const svg = await svgOf(figureOf(resultOf("cka")));
    expect(svg).toContain(
      'role="img" aria-label="Similarity of layers (unbiased linear CKA). prose-6m · 64 texts × 128 tokens of prose-heldout',
    );
  });

  it("Takes any name as a text, never as markup", async () => {
    const name = `<script>alert("1")</script> & 'x' "y" \u0000\ud800 日本`;
    const result = resultOf("variants");
    const rows = result.table.rows.map((row) => (row.variant === "swap.3" ? { ...row, variant: name } : row));
    const svg = await svgOf(figureOf({ ...result, model: { ...result.model, id: name }, table: { ...result.table, rows } }));
    expect(svg).not.toContain("<script");
    expect(svg).toContain("&lt;script&gt;alert(");
    expect(() => new Resvg(svg, { font: { loadSystemFonts: false } }).render()).not.toThrow();
  });

  it("Loads nothing: a specification that names a place is refused", async () => {
    const spec: VegaLiteSpec = { data: { url: "file:///etc/hosts" }, mark: "point", encoding: {} };
    await expect(svgOf(spec)).rejects.toThrow("a figure loads nothing: file:///etc/hosts");
  });

  it("Has the same bytes on Bun", async () => {
    const script = `
      import { figureSvg } from "./src/experiments/figures/draw.ts";
      import { KINDS, resultOf } from "./test/experiments/figures/results.ts";
      import { createHash } from "node:crypto";
      for (const kind of KINDS) console.log(kind, createHash("sha256").update(await figureSvg(resultOf(kind))).digest("hex"));`;
    const child = spawn("node_modules/.bin/bun", ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    let printed = "";
    for await (const part of child.stdout) printed += String(part);
    const here = await Promise.all(
      KINDS.map(
        async (kind) =>
          `${kind} ${createHash("sha256")
            .update(await svgOf(figureOf(resultOf(kind))))
            .digest("hex")}\n`,
      ),
    );
    expect(printed).toBe(here.join(""));
  });
});
