/** Marked text as HTML. */
import type { Verdict } from "../claims/claim.ts";
import type { Inline } from "../text/inline.ts";
import { type Html, html } from "./html.ts";

/** Text with its marks. */
export function inlineHtml(text: Inline): Html {
  if (typeof text === "string") return html`${text}`;
  if (!("mark" in text)) return html`${text.map(inlineHtml)}`;
  switch (text.mark) {
    case "em":
      return html`<em>${text.text}</em>`;
    case "strong":
      return html`<b>${text.text}</b>`;
    case "code":
      return html`<code>${text.text}</code>`;
    case "place":
      return html`<a href="#${text.to}">${text.text}</a>`;
    case "web":
      return html`<a href="${text.to}">${text.text}</a>`;
    case "verdict":
      return html`<span class="verdict">${verdictMark(text.verdict)}${text.word}</span>`;
    case "lines": {
      const [first = "", ...small] = text.lines;
      return html`${inlineHtml(first)}${small.map((line) => html`<small>${inlineHtml(line)}</small>`)}`;
    }
    case "places":
      return html`${text.before}${text.each.map(inlineHtml)}${text.after}`;
  }
}

/** A full, half or empty circle: it can be told without its colour. */
export function verdictMark(verdict: Verdict): Html {
  const half = html`<path d="M8 1.5a6.5 6.5 0 0 0 0 13z" fill="#1b1b1b"/>`;
  return html`<svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.5" fill="${verdict === "shown" ? "#1b1b1b" : "none"}" stroke="#1b1b1b" stroke-width="1.6"/>${verdict === "partly" && half}</svg>`;
}
