/** Computes one chunk of one experiment: the model as it was planned for, the kind, and the engine. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../engine/protocol.ts";
import { Problem } from "../problem.ts";
import type { Means } from "../runs/means.ts";
import type { ModelSource, ServedModel } from "../runs/served-models.ts";
import { Censuses } from "./censuses.ts";
import { kindOf } from "./kinds/index.ts";
import { Lab } from "./lab.ts";
import { MemoryGate } from "./memory-gate.ts";
import { pack } from "./pack.ts";
import type { Study } from "./study.ts";

export interface ComputerParts {
  readonly engine: Engine;
  readonly models: ModelSource;
  readonly means: Pick<Means, "get">;
  /** Bytes that all runs of experiments may hold in the engine at once. */
  readonly memoryBytes: number;
}

/** An engine that died is started again: a chunk is tried so often before it is believed to be what kills it. */
const ENGINE_TRIES = 12;
/** Between tries, growing; the engine itself waits before it starts again. */
const TRY_MS = { first: 50, most: 2000 } as const;

export class Computer {
  readonly #parts: ComputerParts;
  readonly #gate: MemoryGate;
  readonly #censuses: Censuses;

  constructor(parts: ComputerParts) {
    this.#parts = parts;
    this.#censuses = new Censuses(parts.engine);
    this.#gate = new MemoryGate(parts.memoryBytes);
  }

  /** The packed output. Throws the `Problem` that no other try would mend, or `cancelled`. */
  async compute(study: Study, input: unknown, signal: AbortSignal): Promise<Uint8Array> {
    const kind = kindOf(study.kind);
    const model = await this.#model(study);
    for (let attempt = 1; ; attempt++) {
      const { engine, means } = this.#parts;
      const lab = new Lab({ engine, means, model, signal, gate: this.#gate, censuses: this.#censuses });
      try {
        return pack(await kind.compute(study, input, lab));
      } catch (error) {
        const died = error instanceof Problem && error.code === "engine_failed";
        if (!died || attempt >= ENGINE_TRIES || signal.aborted) throw error;
        await sleep(Math.min(TRY_MS.most, TRY_MS.first * 2 ** attempt), undefined, { signal }).catch(() => {});
      }
    }
  }

  /** The model, with the files that the study was planned with. */
  async #model({ model: { id, revision } }: Study): Promise<ServedModel> {
    const model = await this.#parts.models.get(id);
    if (model.revision === revision) return model;
    throw new Problem(
      "conflict",
      `The experiment was planned with revision ${revision} of the model ${id}; its files are now revision ${model.revision}. Start it again, or put the old files back and resume it.`,
    );
  }
}
