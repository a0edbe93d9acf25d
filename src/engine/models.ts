/** The models that the engine holds: loaded once however many ask, kept under a budget, the idlest one let go. */
import { Problem } from "../problem.ts";
import { findModel } from "./checkpoint/catalogue.ts";
import { openCheckpoint } from "./checkpoint/open.ts";
import type { Counters } from "./counters.ts";
import { type LoadPlan, planLoad } from "./memory.ts";
import { loadModel, type Model } from "./model.ts";
import type { ProcessOptions } from "./options.ts";
import type { ModelStatus } from "./protocol.ts";
import { refusedSession } from "./refused-session.ts";

export interface ModelsOptions extends ProcessOptions {
  readonly counters: Counters;
  /** Called whenever a state has changed. */
  readonly changed: () => void;
}

interface Entry {
  state: "loading" | "ready" | "failed";
  promise: Promise<Model>;
  model: Model | null;
  problem: Problem | null;
  /** null: not known yet, or refused. */
  plan: LoadPlan | null;
  usedAt: number;
}

export class Models {
  readonly #options: ModelsOptions;
  readonly #entries = new Map<string, Entry>();
  #loading: Promise<unknown> = Promise.resolve();
  #clock = 0;

  constructor(options: ModelsOptions) {
    this.#options = options;
  }

  get ready(): Model[] {
    return [...this.#entries.values()].flatMap(({ model }) => (model ? [model] : []));
  }

  get memoryBytes(): number {
    return [...this.#entries.values()].reduce((sum, { model, plan }) => sum + (model && plan ? heldBytes(plan) : 0), 0);
  }

  /**
   * The model, loaded on first use, and anew where its files have changed to those of `revision`. Throws the `Problem`
   * that kept it from loading, or `model_busy` where runs still use the old files.
   */
  async get(id: string, revision?: string): Promise<Model> {
    const model = await this.#held(id);
    if (revision === undefined || model.spec.revision === revision) return model;
    if (this.#entries.get(id)?.model === model) await this.unload(id);
    const anew = await this.#held(id);
    if (anew.spec.revision === revision) return anew;
    throw new Problem("model_busy", `The files of the model ${id} change while it is being loaded; try again.`);
  }

  #held(id: string): Promise<Model> {
    const known = this.#entries.get(id);
    if (known && known.state !== "failed") {
      known.usedAt = ++this.#clock;
      return known.promise;
    }
    const entry: Entry = {
      state: "loading",
      promise: Promise.resolve() as never,
      model: null,
      problem: null,
      plan: null,
      usedAt: ++this.#clock,
    };
    // One at a time: the budget is kept by looking at what is there.
    const promise = this.#loading.then(() => this.#load(id, entry));
    this.#loading = promise.catch(() => {});
    entry.promise = promise;
    this.#entries.set(id, entry);
    this.#options.changed();
    return promise;
  }

  /** Lets a model go. Throws `model_busy` while runs use it or it is being loaded. */
  async unload(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry) return;
    if (entry.state === "loading")
      throw new Problem("model_busy", `The model ${id} is being loaded; it can be unloaded when it is ready.`);
    const runs = activeRuns(entry);
    if (runs > 0)
      throw new Problem(
        "model_busy",
        `The model ${id} is in use by ${runs} ${runs === 1 ? "run" : "runs"}; it can be unloaded when idle.`,
      );
    this.#entries.delete(id);
    await entry.model?.close();
    this.#options.changed();
  }

  status(): ModelStatus[] {
    return [...this.#entries].map(([id, entry]) => ({
      id,
      state: entry.state,
      ...(entry.problem && { problem: entry.problem.data }),
      memoryBytes: entry.model && entry.plan ? heldBytes(entry.plan) : 0,
      activeRuns: activeRuns(entry),
      device: this.#options.device,
      precision: "float32",
      weights: entry.plan?.weights ?? this.#options.weights,
      half: entry.plan?.half ?? null,
      ...(entry.model && { loadMs: entry.model.loadMs }),
    }));
  }

  async #load(id: string, entry: Entry): Promise<Model> {
    try {
      const { modelsDir, hubCache, device, counters, promptMemoryBytes } = this.#options;
      const folder = findModel(modelsDir, id, hubCache);
      if (!folder) throw new Problem("model_not_found", `There is no model ${JSON.stringify(id)} in the models folder.`);
      const spec = openCheckpoint(folder);
      const plan = planLoad(id, spec, this.#options);
      entry.plan = plan;
      await this.#makeRoom(heldBytes(plan));
      // Creating sessions blocks this process: let the news of it go out first.
      await new Promise((resolve) => setImmediate(resolve));
      const loading = loadModel(spec, { ...this.#options, ...plan }, counters, promptMemoryBytes);
      entry.model = await loading.catch((error: unknown) => {
        counters.log(error);
        throw refusedSession(id, device, error);
      });
      entry.state = "ready";
      return entry.model;
    } catch (error) {
      entry.state = "failed";
      entry.problem = Problem.from(error);
      if (!(error instanceof Problem)) this.#options.counters.log(error);
      if (entry.problem.code === "model_not_found") this.#entries.delete(id);
      throw entry.problem;
    } finally {
      this.#options.changed();
    }
  }

  /** Unloads idle models, the least recently used first, until `needed` bytes fit; waits while all are busy. */
  async #makeRoom(needed: number): Promise<void> {
    while (this.memoryBytes + needed > this.#options.memoryBytes) {
      const idle = [...this.#entries]
        .filter(([, entry]) => entry.model && activeRuns(entry) === 0)
        .sort(([, a], [, b]) => a.usedAt - b.usedAt)[0];
      if (idle) await this.unload(idle[0]);
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Runs and censuses that use a model. */
function activeRuns({ model }: Entry): number {
  return model ? model.wavefront.activeRuns + model.census.active : 0;
}

function heldBytes({ weightBytes, bufferBytes }: LoadPlan): number {
  return weightBytes + bufferBytes;
}
