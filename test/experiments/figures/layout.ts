/** Where an SVG of ours has its texts, as boxes in pixels from the top left. */
import { readAdvances } from "../../../src/experiments/figures/fonts.ts";

export interface TextBox {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly turned: boolean;
}

const attribute = (tag: string, name: string): string | undefined => new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1];

/** A tag's own shift and quarter turn, from where its parent is. */
function moved({ x, y }: Place, tag: string): Place {
  const transform = attribute(tag, "transform") ?? "";
  const [, dx = "0", dy = "0"] = /translate\(([^,)]*),([^)]*)\)/.exec(transform) ?? [];
  return { x: x + Number(dx), y: y + Number(dy), turned: transform.includes("rotate(-90)") };
}

const unescaped = (text: string) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** Every line of text. Letters are as high as 0.75 of the font's size, from their foot. */
export async function textBoxes(svg: string): Promise<TextBox[]> {
  const { plain, bold } = await readAdvances();
  const boxes: TextBox[] = [];
  const places: Place[] = [{ x: 0, y: 0, turned: false }];
  let text = "";
  let line = 0;
  for (const [, tag = "", content = ""] of svg.matchAll(/(<[^>]*>)([^<]*)/g)) {
    const here = places.at(-1) as Place;
    if (tag.startsWith("</")) {
      places.pop();
    } else if (!tag.endsWith("/>")) {
      const place = moved(here, tag);
      places.push(tag.startsWith("<tspan") ? { ...place, turned: here.turned } : place);
      if (tag.startsWith("<text")) [text, line] = [tag, 0];
      if (tag.startsWith("<tspan")) line += Number(attribute(tag, "dy") ?? 0);
    }
    const words = unescaped(content);
    if (words.trim() === "" || tag.startsWith("</")) continue;
    const size = Number.parseFloat(attribute(text, "font-size") ?? "11");
    const advances = attribute(text, "font-weight") === "bold" ? bold : plain;
    const width =
      Array.from(words, (letter) => advances(letter.codePointAt(0) as number)).reduce((sum, em) => sum + em, 0) * size;
    const start = { start: 0, middle: -width / 2, end: -width }[attribute(text, "text-anchor") ?? "start"] as number;
    const { x, y, turned } = places.at(-1) as Place;
    boxes.push(
      turned
        ? { text: words, left: x - 0.75 * size, right: x, top: y - start - width, bottom: y - start }
        : { text: words, left: x + start, right: x + start + width, top: y + line - 0.75 * size, bottom: y + line },
    );
  }
  return boxes;
}

/** Pairs of different texts whose boxes have an area in common. */
export function overlaps(boxes: readonly TextBox[]): string[] {
  return boxes.flatMap((a, i) =>
    boxes
      .slice(i + 1)
      .filter((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom && a.text !== b.text)
      .map((b) => `${a.text} | ${b.text}`),
  );
}
