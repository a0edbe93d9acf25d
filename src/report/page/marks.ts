/** How a verdict is shown: a mark that can be told without its colour, and the word. */
import type { Verdict } from "../claims/claim.ts";
import { type Html, html } from "./html.ts";

const WORDS: Readonly<Record<Verdict, string>> = { shown: "shows", partly: "in part", "not-shown": "does not show" };

/** A full, half or empty circle. */
export function verdictMark(verdict: Verdict): Html {
  const half = html`<path d="M8 1.5a6.5 6.5 0 0 0 0 13z" fill="#1b1b1b"/>`;
  return html`<svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.5" fill="${verdict === "shown" ? "#1b1b1b" : "none"}" stroke="#1b1b1b" stroke-width="1.6"/>${verdict === "partly" && half}</svg>`;
}

export function verdictWord(verdict: Verdict): string {
  return WORDS[verdict];
}

/** Mark and word. */
export function verdictLabel(verdict: Verdict): Html {
  return html`<span class="verdict">${verdictMark(verdict)}${verdictWord(verdict)}</span>`;
}
