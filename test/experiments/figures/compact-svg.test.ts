import { describe, expect, it } from "vitest";
import { compactSvg } from "../../../src/experiments/figures/compact-svg.ts";
import { FONT } from "../../../src/experiments/figures/theme.ts";

const ROOT =
  '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" class="marks" width="20" height="10" viewBox="0 0 20 10">';
const compacted = (inner: string, text = "What it shows") => compactSvg(`${ROOT}${inner}</svg>`, text);
/** What is left between the root's tags. */
const inside = (inner: string) => compacted(inner).replace(/^<svg [^>]*>|<\/svg>$/g, "");

describe("Vega's SVG made smaller", () => {
  it("Names the font once, and what is shown in words", () => {
    const svg = compacted(
      `<text font-family="${FONT}" font-size="10px">a</text><text font-family="serif">b</text>`,
      'a "b" <c> & d',
    );
    expect(svg).toBe(
      `<svg role="img" aria-label="a &quot;b&quot; &lt;c&gt; &amp; d" font-family="${FONT}" xmlns="http://www.w3.org/2000/svg" width="20" height="10" viewBox="0 0 20 10"><text font-size="10px">a</text><text font-family="serif">b</text></svg>`,
    );
  });

  it("Keeps numbers within half of a hundredth", () => {
    expect(inside('<path d="M0.5,1.23456L-10.005,2e-7L100,-0.001" fill="red"/>')).toBe(
      '<path d="M0.5,1.23L-10.01,0L100,0" fill="red"/>',
    );
    expect(inside('<text transform="translate(23.166666666666668,16) rotate(-90)">1.23456</text>')).toBe(
      '<text transform="translate(23.17,16) rotate(-90)">1.23456</text>',
    );
  });

  it("Leaves out what is not seen", () => {
    expect(
      inside(
        '<g class="mark-group" role="graphics-object" aria-hidden="true"><g transform="translate(0,0)"><path class="background" d="M0,0h0v0h0Z" pointer-events="none"/></g><path class="foreground" d="" display="none"/></g>',
      ),
    ).toBe("");
    expect(inside('<line x2="0" y2="4" stroke="#222" stroke-width="1" opacity="1"/>')).toBe('<line y2="4" stroke="#222"/>');
    expect(inside('<path d="M0,0h1v1Z" stroke="#222" stroke-width="2"/>')).toBe(
      '<path d="M0,0h1v1Z" stroke="#222" stroke-width="2"/>',
    );
    expect(inside('<path d="M0,0h1v1Z" fill="#222" stroke-width="2"/>')).toBe('<path d="M0,0h1v1Z" fill="#222"/>');
  });

  it("Writes colours in hexadecimal and dots as circles", () => {
    expect(inside('<path fill="rgb(1, 160, 255)" d="M2.06,0A2.06,2.06,0,1,1,-2.06,0A2.06,2.06,0,1,1,2.06,0"/>')).toBe(
      '<circle fill="#01a0ff" r="2.06"/>',
    );
    expect(inside('<path fill="rgba(1, 2, 3, 0.5)" d="M0,0h1v1Z"/>')).toBe('<path fill="rgba(1, 2, 3, 0.5)" d="M0,0h1v1Z"/>');
  });

  it("Lets touching rectangles touch", () => {
    expect(inside('<g class="mark-rect role-mark layer_0_marks"><path d="M0,0h1v1Z" fill="#222"/></g>')).toBe(
      '<g shape-rendering="crispEdges"><path d="M0,0h1v1Z" fill="#222"/></g>',
    );
  });

  it("Keeps a gradient's direction: there 0 is not what holds without it", () => {
    const gradient = (id: string) =>
      `<rect fill="url(#${id})"/><defs><linearGradient id="${id}" x1="0" x2="0" y1="1" y2="0"><stop offset="0" stop-color="#fff"/></linearGradient></defs>`;
    const svg = compacted(gradient("gradient_7"));
    expect(svg).toMatch(/<linearGradient id="f[0-9a-f]{8}-0" x1="0" x2="0" y1="1" y2="0">/);
    expect(svg).toBe(compacted(gradient("gradient_8")));
  });

  it("Does not touch texts, whatever they say", () => {
    const text = 'id="gradient_0" url(#x) fill="rgb(1, 2, 3)" d="1.23456" class="a" $&amp; $1';
    expect(inside(`<text fill="#222">${text}</text>`)).toBe(`<text fill="#222">${text}</text>`);
    expect(compacted("<text>a</text>", "$& $1 $`")).toContain('aria-label="$&amp; $1 $`"');
  });

  it("Replaces what XML cannot hold", () => {
    expect(compacted("<text>a\u0000b\ud800c\td</text>", "\u0001")).toContain("<text>a\ufffdb\ufffdc\td</text>");
    expect(compacted("", "\u0001")).toContain('aria-label="\ufffd"');
  });
});
