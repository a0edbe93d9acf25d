/** The texts of an experiment: those of a data set or of the request itself, as many and as long as was asked. */
import { createHash } from "node:crypto";
import type { Dataset } from "../datasets/datasets.ts";
import { tokensOf } from "../runs/prompt.ts";
import type { ServedModel } from "../runs/served-models.ts";
import { refuse } from "../runs/tokens.ts";
import type { ExperimentData } from "../schemas/experiments/data.ts";
import { MAX_EXPERIMENT_TOKENS } from "../schemas/limits.ts";
import { type CutTexts, refuseShort, refuseTiny, refuseUnequal, SHORTEST_TEXT, type ShortText, withLengths } from "./lengths.ts";
import { isChat, ofDataset, type TextItem, textItems } from "./text-items.ts";

/** Used of a data set when nothing else is said, and tokens of each text. */
export const TEXT_DEFAULTS = { texts: 64, tokens: 128 } as const;
/** Texts that are tokenized before others get their turn. */
const TEXTS_PER_TURN = 32;

export interface MaterialRequest {
  readonly data?: ExperimentData | undefined;
  readonly texts?: number | undefined;
  readonly tokens_per_text?: number | undefined;
  readonly short_texts: "error" | "skip" | "keep";
}

export interface MaterialParts {
  readonly request: MaterialRequest;
  readonly model: ServedModel;
  /** The one that `data` names. */
  readonly dataset: Dataset | null;
  readonly prependBos: boolean;
}

/** A line of a data set, or of the request. */
export type Row = Readonly<Record<string, unknown>>;

export class Material {
  readonly #parts: MaterialParts;

  constructor(parts: MaterialParts) {
    this.#parts = parts;
  }

  /** Whether there is anything at all. */
  get isGiven(): boolean {
    return this.#parts.request.data !== undefined;
  }

  /** The data set's name and hash; of the request's own texts, a hash of those. */
  get identity(): { readonly dataset: string | null; readonly sha256: string } {
    const { dataset, request } = this.#parts;
    if (dataset) return { dataset: dataset.name, sha256: dataset.sha256 };
    return { dataset: null, sha256: createHash("sha256").update(JSON.stringify(request.data)).digest("hex") };
  }

  /** The first texts, whole. Refuses more than there are, and those of no length. */
  texts(): readonly string[] {
    const texts = this.#texts();
    for (const [i, text] of texts.entries()) this.#checkLength(text, i);
    return texts;
  }

  #texts(): readonly string[] {
    const { dataset, request } = this.#parts;
    if (request.data?.tokens) refuse("/data/tokens", "this kind needs texts, not token ids: it looks at their words");
    const all = textItems(request.data, dataset) ?? this.#missing("texts");
    return Array.from({ length: this.#count(all.length) }, (_, i) => {
      const text = all.at(i);
      if (typeof text === "string") return text;
      return refuse(this.rowPointer(i, "messages"), `this kind needs texts, not chats: it looks at their words (text ${i})`);
    });
  }

  /** The first rows, with all their fields. Refuses more than there are. */
  rows(): readonly Row[] {
    const { dataset, request } = this.#parts;
    if (request.data?.tokens) refuse("/data/tokens", "this kind needs rows with fields of their own, not token ids");
    if (request.data?.texts) return this.#first(request.data.texts.map((text) => (typeof text === "string" ? { text } : text)));
    return this.#first(dataset ? dataset.rows : (request.data?.rows ?? this.#missing("rows")));
  }

  /** Where in the request a row stands: JSON pointer; of a data set's rows the data set. */
  rowPointer(row: number, field = ""): string {
    const { data } = this.#parts.request;
    if (data?.rows) return `/data/rows/${row}${field === "" ? "" : `/${field}`}`;
    return data?.texts ? `/data/texts/${row}` : "/data/dataset";
  }

  /** For kinds that read their texts whole. */
  refuseCuts(): void {
    const { tokens_per_text, short_texts } = this.#parts.request;
    if (short_texts === "skip") refuse("/short_texts", "this kind reads its texts whole: none is too short to be cut");
    if (short_texts === "keep") refuse("/short_texts", "this kind reads its texts whole: it keeps every one as it is");
    if (tokens_per_text !== undefined)
      refuse("/tokens_per_text", `this kind reads its texts whole: ${tokens_per_text} tokens of each would not do`);
  }

  /**
   * The texts as the model reads them, each cut to as many tokens as the others. Short ones are refused, by number, passed
   * over, or kept as long as they are: as was asked. Kept without `tokens_per_text`, texts are cut by the context alone.
   */
  async cut(): Promise<CutTexts> {
    const { request, model } = this.#parts;
    const { tokens_per_text: asked, short_texts } = request;
    if (asked !== undefined && asked > model.contextLength)
      refuse("/tokens_per_text", `${asked} tokens are more than the context of ${model.id} holds, ${model.contextLength}`);
    const usual = short_texts === "keep" ? model.contextLength : TEXT_DEFAULTS.tokens;
    const most = Math.min(asked ?? usual, model.contextLength);
    const { found, short } = await this.#tokenize(most);
    this.#checkCount(found.length, short, most);
    const texts = withLengths(found);
    if (texts.tokensPerText === null && short_texts !== "keep") refuseUnequal(texts.tokens, texts.lengths);
    if (texts.lengths.all > MAX_EXPERIMENT_TOKENS)
      refuse(
        "/texts",
        `${found.length} texts have ${texts.lengths.all} tokens, more than the most allowed, ${MAX_EXPERIMENT_TOKENS}`,
      );
    return texts;
  }

  /** Cuts texts until there are enough; where short ones are passed over, further ones are looked at. */
  async #tokenize(most: number): Promise<{ found: Int32Array[]; short: ShortText[] }> {
    const { request, dataset } = this.#parts;
    const { short_texts: mode, tokens_per_text: asked } = request;
    const all = textItems(request.data, dataset) ?? this.#missing("texts");
    const wanted = this.#count(all.length);
    const least = mode === "skip" ? most : mode === "error" && asked !== undefined ? asked : SHORTEST_TEXT;
    const found: Int32Array[] = [];
    const short: ShortText[] = [];
    for (let i = 0; i < all.length && found.length < wanted; i++) {
      if (mode !== "skip" && i >= wanted) break;
      const text = all.at(i);
      const tokens = mode === "skip" && lengthOf(text) === 0 ? new Int32Array(0) : this.#encode(text, i, most);
      if (tokens.length < least) short.push({ index: i, length: tokens.length });
      else found.push(tokens);
      if (i % TEXTS_PER_TURN === TEXTS_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
    }
    const [first] = short;
    if (first && mode !== "skip") {
      if (least === SHORTEST_TEXT) refuseTiny(first, this.#textPointer(first.index));
      refuseShort(short, least, wanted);
    }
    return { found, short };
  }

  /** A text of no length at all is refused, by number. */
  #encode(text: TextItem, index: number, most: number): Int32Array {
    const { model, dataset, prependBos } = this.#parts;
    this.#checkLength(text, index);
    const given = isChat(text) ? { chat: text } : typeof text === "string" ? { text } : { ids: text };
    const fields = {
      text: this.#textPointer(index).slice(1),
      ids: `data/tokens/${index}`,
      chat: `${this.rowPointer(index).slice(1)}/`,
    };
    const read = () => Int32Array.from(tokensOf({ ...given, prependBos, most }, model, fields));
    return dataset && isChat(text) ? ofDataset(dataset.name, index, read) : read();
  }

  #checkLength(text: TextItem, index: number): void {
    if (lengthOf(text) > 0) return;
    const what = typeof text === "string" ? "characters" : "tokens";
    refuse(this.#textPointer(index), `text ${index} has 0 ${what}, fewer than the least allowed, 1`);
  }

  /** Where in the request a text stands. */
  #textPointer(index: number): string {
    return this.#parts.request.data?.tokens ? `/data/tokens/${index}` : this.rowPointer(index, "text");
  }

  #checkCount(found: number, short: readonly ShortText[], length: number): void {
    const wanted = this.#parts.request.texts ?? 1;
    if (found >= wanted) return;
    refuse(
      "/texts",
      `${found} ${found === 1 ? "text has" : "texts have"} ${length} tokens (BOS included), fewer than the ${wanted} asked for; ${short.length} shorter ones were passed over`,
    );
  }

  #first<T>(all: readonly T[]): readonly T[] {
    return all.slice(0, this.#count(all.length));
  }

  /** How many are used. Of a data set a part, of the request's own texts all, when nothing is said. */
  #count(there: number): number {
    const { request, dataset } = this.#parts;
    const wanted = request.texts ?? (dataset ? Math.min(TEXT_DEFAULTS.texts, there) : there);
    const of = dataset ? `the data set ${dataset.name} has` : "were given";
    if (wanted > there) refuse("/texts", `${wanted} texts are more than ${of}, ${there}`);
    if (there === 0) refuse("/data", "there is no text in it; at least 1 is needed");
    return wanted;
  }

  #missing(what: string): never {
    return refuse("/data", `is required: { "dataset": "…" }, or { "${what}": […] }`);
  }
}

/** Characters, token ids or messages. */
function lengthOf(text: TextItem): number {
  return isChat(text) ? text.messages.length : text.length;
}
