/** Whether inference works, as seen: by real runs, or by a smallest run of its own when there was none. */
import type { Engine } from "../engine/protocol.ts";
import { baselineSchedule } from "../engine/schedule.ts";
import { Problem } from "../problem.ts";
import { newRunId } from "./run-id.ts";
import type { ModelSource } from "./served-models.ts";

/** Longest wait of one who asks; the canary itself goes on. */
const PATIENCE_MS = 10_000;

export class Canary {
  readonly #engine: Engine;
  readonly #models: ModelSource;
  #works = false;
  #running: Promise<Problem | null> | null = null;

  constructor(engine: Engine, models: ModelSource) {
    this.#engine = engine;
    this.#models = models;
  }

  /** A run was seen to proceed, or to end because the engine failed. */
  observed(works: boolean): void {
    this.#works = works;
  }

  /** null: inference works, or the problem why not. */
  async check(): Promise<Problem | null> {
    if (this.#works) return null;
    this.#running ??= this.#fly().finally(() => {
      this.#running = null;
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<Problem>((resolve) => {
      const problem = new Problem(
        "timed_out",
        `The first run takes longer than ${PATIENCE_MS / 1000} s; a model may still be loading.`,
      );
      timer = setTimeout(() => resolve(problem), PATIENCE_MS);
    });
    return Promise.race([this.#running, late]).finally(() => clearTimeout(timer));
  }

  async #fly(): Promise<Problem | null> {
    try {
      const usable = (await this.#models.list()).filter(({ problems }) => problems.length === 0);
      const ready = new Set(this.#engine.status().models.flatMap(({ id, state }) => (state === "ready" ? [id] : [])));
      const chosen = usable.find(({ id }) => ready.has(id)) ?? usable[0];
      if (!chosen) return new Problem("model_not_found", "The models folder holds no model that can be served.");
      const { id, nLayers, tokenizer } = await this.#models.get(chosen.id);
      const job = {
        id: newRunId(),
        model: id,
        tokens: [tokenizer.bosId ?? 0],
        schedules: [baselineSchedule(nLayers)],
        baseline: 0,
        readout: { positions: [0], layers: "final", topK: 1, lens: "standard", targets: [] },
        capture: [],
        priority: "interactive",
      } as const;
      for await (const event of this.#engine.run(job, new AbortController().signal)) {
        if (event.type === "error") return new Problem(event.problem.code, event.problem.detail);
        if (event.type === "done") this.#works = true;
      }
      return this.#works ? null : new Problem("engine_failed", "The engine ended the first run without a result.");
    } catch (error) {
      return Problem.from(error);
    }
  }
}
