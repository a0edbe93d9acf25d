/** Pieces of what the service sends, short enough for a page: … stands for what is left out. */

/** Columns of a line. */
const WIDTH = 128;

/** JSON up to and with the first value of a field that is no object; what follows is left out. Throws where there is none. */
export function upTo(json: string, field: string): string {
  const found = new RegExp(`"${field}":(?:"(?:[^"\\\\]|\\\\.)*"|[^",{}[\\]]+)`).exec(json);
  if (!found) throw new Error(`there is no ${field} in ${json.slice(0, 100)}`);
  const end = found.index + found[0].length;
  return `${json.slice(0, end)}${json[end] === "," ? ", …" : " …"}`;
}

/** JSON with what stands between the end of one field's value and the name of another left out. */
export function without(json: string, after: string, before: string): string {
  const from = upTo(json, after);
  const to = json.indexOf(`"${before}":`);
  if (to < from.length - 3) throw new Error(`there is no ${before} after ${after} in ${json.slice(0, 100)}`);
  return `${from} ${json.slice(to)}`;
}

/** JSON without the values of fields that differ from run to run. */
export function timeless(json: string, ...fields: readonly string[]): string {
  return fields.reduce((text, field) => {
    const value = new RegExp(`("${field}":)(?:(")[^"]*"|[\\d.e+-]+)`);
    return text.replace(value, (_, name: string, quote = "") => `${name}${quote}…${quote}`);
  }, json);
}

/** Broken before names of fields, where it is longer than a page is wide. */
export function folded(text: string, width = WIDTH): string {
  const lines: string[] = [];
  let line = "";
  for (const part of text.split(/(?<=[,…] ?)(?=")/)) {
    if (line !== "" && line.length + part.trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = "";
    }
    line += part;
  }
  return [...lines, line].join("\n");
}
