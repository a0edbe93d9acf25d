/** What kinds share that read rows with fields of their own: what is wrong is refused with the row's number. */
import type { ServedModel } from "../../runs/served-models.ts";
import { refuse } from "../../runs/tokens.ts";
import { MAX_EXPERIMENT_TOKENS } from "../../schemas/limits.ts";
import type { TextTokenizer } from "../../tokenizer/tokenizer.ts";
import type { Ask } from "../kind.ts";
import type { Material, Row } from "../material.ts";

type RowsAsk = Pick<Ask<unknown>, "material" | "model" | "prependBos">;

/** The first rows that were asked for, one by one. */
export class Rows {
  readonly #ask: RowsAsk;
  #tokens = 0;

  constructor(ask: RowsAsk) {
    this.#ask = ask;
  }

  /** What each row is made into. */
  async map<T>(make: (row: NumberedRow) => T): Promise<T[]> {
    const { material, model, prependBos } = this.#ask;
    if (prependBos && model.tokenizer.bosId === null)
      refuse("/prepend_bos", `the model ${model.id} has no BOS token, so prepend_bos cannot be true`);
    const made: T[] = [];
    for (const [number, fields] of material.rows().entries()) {
      const parts = { fields, number, material, model, prependBos, count: (tokens: number) => this.#count(tokens) };
      made.push(make(new NumberedRow(parts)));
      if (number % ROWS_PER_TURN === ROWS_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
    }
    return made;
  }

  #count(tokens: number): void {
    this.#tokens += tokens;
    if (this.#tokens > MAX_EXPERIMENT_TOKENS)
      refuse("/texts", `the texts have ${this.#tokens} tokens and more, over the most allowed, ${MAX_EXPERIMENT_TOKENS}`);
  }
}

/** Rows that are tokenized before others get their turn. */
const ROWS_PER_TURN = 32;

interface RowParts {
  readonly fields: Row;
  readonly number: number;
  readonly material: Pick<Material, "rowPointer">;
  readonly model: ServedModel;
  readonly prependBos: boolean;
  readonly count: (tokens: number) => void;
}

export class NumberedRow {
  readonly fields: Row;
  readonly number: number;
  readonly #parts: RowParts;

  constructor(parts: RowParts) {
    this.#parts = parts;
    this.fields = parts.fields;
    this.number = parts.number;
  }

  refuse(detail: string, field = ""): never {
    return refuse(this.#parts.material.rowPointer(this.number, field), `row ${this.number} ${detail}`);
  }

  text(field: string): string {
    const value = this.fields[field];
    return typeof value === "string" ? value : this.refuse(`has no ${JSON.stringify(field)} that is a text`, field);
  }

  get tokenizer(): TextTokenizer {
    return this.#parts.model.tokenizer;
  }

  /** A text's token ids as the model reads them, BOS included where it was asked for. May be none, for an empty text without BOS. */
  encode(text: string): number[] {
    return this.asRead(this.tokenizer.encode(text));
  }

  /** Token ids with BOS before them where it was asked for. Refuses more than the context holds. */
  asRead(ids: readonly number[]): number[] {
    const { model, prependBos, count } = this.#parts;
    const { tokenizer, contextLength, id } = model;
    const tokens = [...ids];
    if (prependBos && tokenizer.bosId !== null && tokens[0] !== tokenizer.bosId) tokens.unshift(tokenizer.bosId);
    if (tokens.length > contextLength)
      this.refuse(`has ${tokens.length} tokens (BOS included), more than the context of ${id} holds, ${contextLength}`);
    count(tokens.length);
    return tokens;
  }
}
