/** What the edits of a request add: every vector, direction, mean and source prompt once, however often it is named. */
import { createHash } from "node:crypto";
import type { Site } from "../engine/schedule.ts";
import type { Mean } from "../schemas/mean.ts";
import type { PatchSource } from "../schemas/source.ts";
import type { TokenName } from "../schemas/token-name.ts";
import type { Affine, Term } from "./affine.ts";
import { refuse } from "./refusal.ts";

/** Texts that a mean is taken over, found and cut to tokens. */
export interface MeanData {
  /** Of the model, the texts' tokens and the settings: equal keys, equal means. */
  readonly key: string;
}

/** What an operation may ask about words. Refuses, with the reason, what is not there. */
export interface Words {
  /** The id of a token. */
  token(name: TokenName, pointer: string): number;
  /** The tokens of another prompt. */
  source(source: PatchSource, pointer: string): readonly number[];
  mean(mean: Mean, pointer: string): MeanData;
}

/** A vector that edits add. */
export type Vector =
  | { readonly kind: "values"; readonly key: string; readonly values: Float32Array }
  | { readonly kind: "direction"; readonly key: string; readonly toward: number | null; readonly away: number | null }
  | { readonly kind: "mean"; readonly key: string; readonly data: MeanData; readonly block: number; readonly site: Site };

export interface Source {
  readonly key: string;
  readonly tokens: readonly number[];
}

/** Hexadecimal digits of a key: 128 bits, so that no two things ever share one. */
const KEY_DIGITS = 32;

export class Resources {
  readonly vectors: Vector[] = [];
  readonly sources: Source[] = [];
  readonly #words: Words;
  readonly #vectorAt = new Map<string, number>();
  readonly #sourceAt = new Map<string, number>();
  /** Sources by what the request says of them, so that each is cut to tokens once. */
  readonly #saidSources = new Map<string, number>();

  constructor(words: Words) {
    this.#words = words;
  }

  /** Adds these numbers. */
  values(numbers: readonly number[]): Term {
    const values = Float32Array.from(numbers);
    return this.#vector({ kind: "values", key: hashOf(values), values });
  }

  /** Adds a token's direction, or the difference of two. */
  direction(toward: TokenName | undefined, away: TokenName | undefined, pointer: string): Term {
    const id = (name: TokenName | undefined, field: string) =>
      name === undefined ? null : this.#words.token(name, `${pointer}/${field}`);
    const [to, from] = [id(toward, "toward"), id(away, "away")];
    if (to !== null && to === from)
      refuse(`${pointer}/away`, `toward and away are the same token, ${to}: their difference is nothing`);
    return this.#vector({ kind: "direction", key: `direction ${to ?? ""} ${from ?? ""}`, toward: to, away: from });
  }

  /** The map that puts a site's mean in the place of its values. */
  mean(mean: Mean, block: number, site: Site, pointer: string): Affine {
    const data = this.#words.mean(mean, pointer);
    return instead(this.#vector({ kind: "mean", key: `mean ${data.key} ${block} ${site}`, data, block, site }));
  }

  /** Where a source prompt lies in `sources`. */
  source(said: PatchSource, pointer: string): number {
    const text = JSON.stringify(said);
    const known = this.#saidSources.get(text);
    if (known !== undefined) return known;
    const tokens = this.#words.source(said, pointer);
    const key = hashOf(Int32Array.from(tokens));
    const index = this.#sourceAt.get(key) ?? this.sources.push({ key, tokens }) - 1;
    this.#sourceAt.set(key, index);
    this.#saidSources.set(text, index);
    return index;
  }

  /** The map that puts a source's values in the place of a site's. */
  patched(index: number): Affine {
    return instead({ from: "source", index, key: `source ${(this.sources[index] as Source).key}`, times: 1 });
  }

  #vector(vector: Vector): Term {
    const index = this.#vectorAt.get(vector.key) ?? this.vectors.push(vector) - 1;
    this.#vectorAt.set(vector.key, index);
    return { from: "vector", index, key: vector.key, times: 1 };
  }
}

function instead(term: Term): Affine {
  return { scale: 0, add: [term] };
}

function hashOf(numbers: Float32Array | Int32Array): string {
  return createHash("sha256").update(numbers).digest("hex").slice(0, KEY_DIGITS);
}
