/** Marked text as Markdown. */
import type { Inline } from "../text/inline.ts";

/** Where the places of a report are from its README. */
export type Places = (id: string) => string;

/** What would be taken for Markdown or HTML. */
const SPECIAL = /[\\`*_[\]<|~$]/g;

/** Plain text on one line. */
export function plainMd(text: string): string {
  return text
    .toWellFormed()
    .replace(/\s*[\r\n]+\s*/g, " ")
    .replace(/&(?=#?\w+;)/g, "&amp;")
    .replace(SPECIAL, "\\$&");
}

/** Text with its marks, on one line. */
export function inlineMd(text: Inline, places: Places): string {
  if (typeof text === "string") return plainMd(text);
  if (!("mark" in text)) return text.map((each) => inlineMd(each, places)).join("");
  switch (text.mark) {
    case "em":
      return `*${plainMd(text.text)}*`;
    case "strong":
      return `**${plainMd(text.text)}**`;
    case "code":
      return codeMd(text.text);
    case "place":
      return linkMd(text.text, places(text.to));
    case "web":
      return linkMd(text.text, text.to);
    case "verdict":
      return `**${plainMd(text.word)}**`;
    case "lines": {
      const [first = "", ...others] = text.lines.map((line) => inlineMd(line, places)).filter((line) => line !== "");
      return [first, ...others].join("<br>");
    }
    case "places":
      return [text.before, ...text.each, text.after].map((each) => inlineMd(each, places)).join("");
  }
}

export function linkMd(text: string, to: string): string {
  return `[${plainMd(text)}](${to.startsWith("#") ? to : encodeURI(to).replace(/[()]/g, (sign) => (sign === "(" ? "%28" : "%29"))})`;
}

/** As it is typed; one that holds back-ticks stands between more of them. */
export function codeMd(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `${fence}${text}${fence}` : `${fence} ${text} ${fence}`;
}
