/** Censuses of layers: taken once for all chunks of this process that ask, and kept while there is room. */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { CensusJob, CensusRows, Engine } from "../engine/protocol.ts";
import { newRunId } from "../runs/run-id.ts";
import { SharedWork } from "../runs/shared-work.ts";

export type CensusAsk = Required<Pick<CensusJob, "model" | "revision">> & Pick<CensusJob, "layer" | "weights" | "tokenSets">;

/** Of a 7-billion-parameter model a layer takes 0.4 MB. */
const MAX_HELD_BYTES = 64 * 2 ** 20;

export class Censuses {
  readonly #engine: Pick<Engine, "census">;
  readonly #held = new LRUCache<string, CensusRows>({ maxSize: MAX_HELD_BYTES, sizeCalculation: bytesOf });
  readonly #underWay = new SharedWork<CensusRows>("The chunk was given up while it waited for a census.");

  constructor(engine: Pick<Engine, "census">) {
    this.#engine = engine;
  }

  /** Throws `cancelled` where the signal aborts, or the `Problem` that kept it from being taken. */
  async get(ask: CensusAsk, signal: AbortSignal): Promise<CensusRows> {
    const key = keyOf(ask);
    const known = this.#held.get(key);
    if (known) return known;
    const take = async (stop: AbortSignal) => {
      const rows = await this.#engine.census({ ...ask, id: newRunId() }, stop);
      this.#held.set(key, rows);
      return rows;
    };
    return this.#underWay.get(key, take, signal);
  }
}

function keyOf({ model, revision, layer, weights, tokenSets = [] }: CensusAsk): string {
  const hash = createHash("sha256").update(`${JSON.stringify([model, revision, layer, weights])}\n`);
  for (const set of tokenSets) hash.update(Int32Array.of(set.length, ...set));
  return hash.digest("hex");
}

function bytesOf({ kurtosis, skew, variance, setEffects }: CensusRows): number {
  return [kurtosis, skew, variance, ...setEffects].reduce((sum, { byteLength }) => sum + byteLength, 1);
}
