/** The texts of an experiment: those of a data set or of the request itself, as many and as long as was asked. */
import { createHash } from "node:crypto";
import type { Dataset } from "../datasets/datasets.ts";
import { tokensOf } from "../runs/prompt.ts";
import type { ServedModel } from "../runs/served-models.ts";
import { refuse } from "../runs/tokens.ts";
import type { ExperimentData } from "../schemas/experiments/data.ts";
import { MAX_EXPERIMENT_TOKENS } from "../schemas/limits.ts";

/** Used of a data set when nothing else is said, and tokens of each text. */
export const TEXT_DEFAULTS = { texts: 64, tokens: 128 } as const;
/** Texts that are tokenized before others get their turn. */
const TEXTS_PER_TURN = 32;
/** Texts that an error names. */
const NAMED = 8;

export interface MaterialRequest {
  readonly data?: ExperimentData | undefined;
  readonly texts?: number | undefined;
  readonly tokens_per_text?: number | undefined;
  readonly short_texts: "error" | "skip";
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

export interface CutTexts {
  /** Token ids, BOS included, all of one length. */
  readonly tokens: readonly Int32Array[];
  readonly tokensPerText: number;
}

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

  /** The first texts, whole. Refuses more than there are. */
  texts(): readonly string[] {
    const { dataset, request } = this.#parts;
    if (request.data?.tokens) refuse("/data/tokens", "this kind needs texts, not token ids: it looks at their words");
    if (request.data?.rows)
      return this.#first(
        request.data.rows.map((row, i) =>
          typeof row.text === "string" ? row.text : refuse(`/data/rows/${i}`, 'the row has no "text" that is a text'),
        ),
      );
    return this.#first(dataset ? dataset.texts : (request.data?.texts ?? this.#missing("texts")));
  }

  /** The first rows, with all their fields. Refuses more than there are. */
  rows(): readonly Row[] {
    const { dataset, request } = this.#parts;
    if (request.data?.tokens) refuse("/data/tokens", "this kind needs rows with fields of their own, not token ids");
    if (request.data?.texts) return this.#first(request.data.texts.map((text) => ({ text })));
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
    if (tokens_per_text !== undefined)
      refuse("/tokens_per_text", `this kind reads its texts whole: ${tokens_per_text} tokens of each would not do`);
  }

  /**
   * The texts as the model reads them, each cut to as many tokens as the others. Short ones are refused, by number, or
   * passed over where that was asked.
   */
  async cut(): Promise<CutTexts> {
    const { request, model } = this.#parts;
    const asked = request.tokens_per_text;
    if (asked !== undefined && asked > model.contextLength)
      refuse("/tokens_per_text", `${asked} tokens are more than the context of ${model.id} holds, ${model.contextLength}`);
    const most = Math.min(asked ?? TEXT_DEFAULTS.tokens, model.contextLength);
    const { found, short } = await this.#tokenize(most, asked);
    const length = asked ?? found.reduce((least, { length }) => Math.min(least, length), most);
    this.#checkCount(found.length, short, length);
    if (found.length * length > MAX_EXPERIMENT_TOKENS)
      refuse(
        "/texts",
        `${found.length} texts of ${length} tokens are ${found.length * length} tokens, more than the most allowed, ${MAX_EXPERIMENT_TOKENS}`,
      );
    return { tokens: found.map((tokens) => tokens.subarray(0, length)), tokensPerText: length };
  }

  /** Cuts texts until there are enough; where short ones are passed over, further ones are looked at. */
  async #tokenize(most: number, asked: number | undefined): Promise<{ found: Int32Array[]; short: Short[] }> {
    const { request, dataset } = this.#parts;
    const all = request.data?.tokens ?? (dataset ? dataset.texts : request.data?.rows ? this.texts() : request.data?.texts);
    if (!all) return this.#missing("texts");
    const wanted = this.#count(all.length);
    const least = asked ?? 2;
    const found: Int32Array[] = [];
    const short: Short[] = [];
    for (let i = 0; i < all.length && found.length < wanted; i++) {
      if (request.short_texts === "error" && i >= wanted) break;
      const tokens = this.#encode(all[i] as string | readonly number[], i, most);
      if (tokens.length < least) short.push({ index: i, length: tokens.length });
      else found.push(tokens);
      if (i % TEXTS_PER_TURN === TEXTS_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
    }
    if (short.length > 0 && request.short_texts === "error") refuseShort(short, least, wanted);
    return { found, short };
  }

  #encode(text: string | readonly number[], index: number, most: number): Int32Array {
    const { model, prependBos } = this.#parts;
    const given = typeof text === "string" ? { text } : { ids: text };
    const fields = { text: `data/texts/${index}`, ids: `data/tokens/${index}` };
    return Int32Array.from(tokensOf({ ...given, prependBos, most }, model, fields));
  }

  #checkCount(found: number, short: readonly Short[], length: number): void {
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

interface Short {
  readonly index: number;
  readonly length: number;
}

function refuseShort(short: readonly Short[], least: number, of: number): never {
  const named = short.slice(0, NAMED).map(({ index, length }) => `${index} (${length})`);
  const more = short.length > NAMED ? ` and ${short.length - NAMED} more` : "";
  return refuse(
    "/tokens_per_text",
    `${short.length} of ${of} texts have fewer than ${least} tokens (BOS included): ${named.join(", ")}${more}. ` +
      'Ask for fewer tokens_per_text, or pass over them with "short_texts": "skip"',
  );
}
