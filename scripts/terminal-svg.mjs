/**
 * Terminal output with its colours, on standard input, as an SVG picture on standard output:
 * node bin/stratascope.mjs run "…" --delete 5 --color | node scripts/terminal-svg.mjs '$ stratascope run …' > docs/demo.svg
 */
import { readFileSync } from "node:fs";

const CELL = { width: 8.4, height: 19 };
const MARGIN = { side: 20, top: 48, bottom: 16 };
const FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const INK = "#d7dce5";
const COLOURS = { 31: "#f47067", 32: "#7bd88f", 33: "#f2c55c", 34: "#6cb6ff", 36: "#5fc9c9" };

const ESCAPE = String.fromCharCode(27);
const STYLE = new RegExp(`(${ESCAPE}\\[[\\d;]*m)`, "u");

const plain = (line) =>
  line
    .split(STYLE)
    .filter((_, i) => i % 2 === 0)
    .join("");
const escapeXml = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Runs of equal style, split where there is more than one space: { column, text, colour, bold, dim }. */
function runsOf(line) {
  const runs = [];
  let style = { colour: INK, bold: false, dim: false };
  let column = 0;
  for (const part of line.split(STYLE)) {
    if (!part.startsWith(ESCAPE)) {
      for (const words of part.matchAll(/\S+(?: \S+)*/gu))
        runs.push({ column: column + [...part.slice(0, words.index)].length, text: words[0], ...style });
      column += [...part].length;
      continue;
    }
    for (const code of part.slice(2, -1).split(";").map(Number)) {
      if (code === 0) style = { colour: INK, bold: false, dim: false };
      else if (code === 1) style = { ...style, bold: true };
      else if (code === 2) style = { ...style, dim: true };
      else if (code === 22) style = { ...style, bold: false, dim: false };
      else if (code === 39) style = { ...style, colour: INK };
      else if (COLOURS[code]) style = { ...style, colour: COLOURS[code] };
    }
  }
  return runs;
}

function runSvg({ column, text, colour, bold, dim }, y) {
  const length = [...text].length;
  const attributes = [
    `x="${(MARGIN.side + column * CELL.width).toFixed(1)}" y="${y}"`,
    `textLength="${(length * CELL.width).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`,
    `fill="${colour}"`,
    bold ? 'font-weight="700"' : "",
    dim ? 'opacity="0.6"' : "",
  ];
  return `<text ${attributes.filter(Boolean).join(" ")}>${escapeXml(text)}</text>`;
}

const command = process.argv[2];
const output = readFileSync(0, "utf8")
  .replace(/^\n+|\n+$/g, "")
  .split("\n");
const lines = command ? [`${ESCAPE}[1m${command}${ESCAPE}[22m`, "", ...output] : output;
const columns = Math.max(...lines.map((line) => [...plain(line)].length));
const width = Math.ceil(2 * MARGIN.side + columns * CELL.width);
const height = MARGIN.top + lines.length * CELL.height + MARGIN.bottom;
const dots = ["#f47067", "#f2c55c", "#7bd88f"].map((fill, i) => `<circle cx="${24 + i * 18}" cy="20" r="5.5" fill="${fill}"/>`);
const body = lines.flatMap((line, i) =>
  runsOf(line)
    .map((run) => runSvg(run, MARGIN.top + (i + 0.7) * CELL.height))
    .filter(Boolean),
);

console.log(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escapeXml(command ?? "Terminal output")}</title>
<rect width="100%" height="100%" rx="9" fill="#14171f"/>
${dots.join("")}
<g font-family="${FONT}" font-size="14">
${body.join("\n")}
</g>
</svg>`);
