/** The server's end of the pipe: starts the engine process with the first need, restarts it when it dies. */
import { Problem } from "../problem.ts";
import { EngineProcess } from "./engine-process.ts";
import type { ProcessOptions } from "./options.ts";
import type {
  CensusJob,
  CensusRows,
  Engine,
  EngineEvent,
  EngineReply,
  EngineStats,
  EngineStatus,
  ModelStatus,
  RunJob,
} from "./protocol.ts";

export interface EngineOptions extends ProcessOptions {
  /** Seconds without a run or a census after which the process ends; null: never. */
  readonly idleSeconds: number | null;
  /** One line of the engine's log, or of what became of its process. */
  readonly log: (line: string) => void;
}

/** Restarts wait 100 ms, then twice as long each time, at most 10 s; a process that lived 30 s starts afresh. */
const BACKOFF = { first: 100, most: 10_000, forgottenAfter: 30_000 };

/** How long one run's events may be handed out without a break. */
const TURN_MS = 5;

type Waiting<T> = { resolve: (value: T) => void; reject: (problem: Problem) => void };

/** An engine as `protocol.ts` describes it. Nothing is started before the first run or load. */
export function createEngine(options: EngineOptions): Engine {
  return new EngineClient(options);
}

class EngineClient implements Engine {
  readonly #options: EngineOptions;
  #process: EngineProcess | null = null;
  #state: EngineStatus["state"] = "stopped";
  #restarts = 0;
  #failures = 0;
  #startedAt = 0;
  #retryAt = 0;
  #models: readonly ModelStatus[] = [];
  #stats: EngineStats | null = null;
  #past: EngineStats | null = null;
  readonly #runs = new Map<string, (event: EngineEvent) => void>();
  readonly #censuses = new Map<string, Waiting<CensusRows>>();
  readonly #waiting = new Map<number, Waiting<ModelStatus>>();
  #seq = 0;
  #idleTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  async *run(job: RunJob, signal: AbortSignal): AsyncGenerator<EngineEvent, void, void> {
    const queue: EngineEvent[] = [];
    let wake: (() => void) | null = null;
    let turn = performance.now();
    const push = (event: EngineEvent) => {
      queue.push(event);
      wake?.();
    };
    const cancel = () => {
      if (this.#process?.alive) this.#process.send({ kind: "cancel", id: job.id });
      // The engine answers between two calls; the reader need not wait for it.
      push({ type: "error", problem: { code: "cancelled", detail: "The run was cancelled." } });
    };
    this.#runs.set(job.id, push);
    this.#busy();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      if (signal.aborted) cancel();
      else (await this.#connected()).send({ kind: "run", job });
      for (;;) {
        const event = queue.shift();
        if (!event) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = null;
          turn = performance.now();
          continue;
        }
        yield event;
        if (event.type === "done" || event.type === "error") return;
        // A burst of events must not keep the reader's event loop from everything else.
        if (performance.now() - turn > TURN_MS) {
          await new Promise((resolve) => setImmediate(resolve));
          turn = performance.now();
        }
      }
    } finally {
      signal.removeEventListener("abort", cancel);
      this.#runs.delete(job.id);
      this.#idle();
    }
  }

  async census(job: CensusJob, signal: AbortSignal): Promise<CensusRows> {
    this.#busy();
    const ended = new Promise<CensusRows>((resolve, reject) => this.#censuses.set(job.id, { resolve, reject }));
    // It may end while the process is still being started.
    ended.catch(() => {});
    const cancel = () => {
      if (this.#process?.alive) this.#process.send({ kind: "cancel", id: job.id });
      this.#censuses.get(job.id)?.reject(new Problem("cancelled", "The census was cancelled."));
    };
    signal.addEventListener("abort", cancel, { once: true });
    try {
      if (signal.aborted) cancel();
      else (await this.#connected()).send({ kind: "census", job });
      return await ended;
    } finally {
      signal.removeEventListener("abort", cancel);
      this.#censuses.delete(job.id);
      this.#idle();
    }
  }

  async load(model: string): Promise<ModelStatus> {
    return this.#ask("load", model);
  }

  async unload(model: string): Promise<ModelStatus> {
    const available: ModelStatus = {
      id: model,
      state: "available",
      memoryBytes: 0,
      activeRuns: 0,
      device: this.#options.device,
      precision: "float32",
      weights: this.#options.weights,
      half: null,
    };
    if (!this.#process?.alive) return available;
    return (await this.#ask("unload", model)) ?? available;
  }

  status(): EngineStatus {
    return {
      state: this.#state,
      pid: this.#process?.pid ?? null,
      restarts: this.#restarts,
      models: this.#models,
      stats: this.#stats ? add(this.#past, this.#stats) : this.#past,
      device: this.#options.device,
    };
  }

  async stop(): Promise<void> {
    if (this.#idleTimer) clearTimeout(this.#idleTimer);
    const engine = this.#process;
    this.#process = null;
    this.#state = "stopped";
    this.#endAll(new Problem("engine_failed", "The engine was stopped."));
    this.#forget();
    await engine?.stop();
  }

  async #ask(kind: "load" | "unload", model: string): Promise<ModelStatus> {
    this.#busy();
    try {
      const engine = await this.#connected();
      const seq = ++this.#seq;
      return await new Promise((resolve, reject) => {
        this.#waiting.set(seq, { resolve, reject });
        engine.send({ kind, seq, model });
      });
    } finally {
      this.#idle();
    }
  }

  /** The process, started if it is not there; after it died, not before its time. */
  async #connected(): Promise<EngineProcess> {
    if (this.#process?.alive) return this.#process;
    const wait = this.#retryAt - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    if (this.#process?.alive) return this.#process;
    this.#state = "starting";
    this.#startedAt = Date.now();
    const { log, idleSeconds, ...options } = this.#options;
    const engine: EngineProcess = new EngineProcess(options, log, {
      reply: (reply) => this.#handle(reply),
      exit: (how) => {
        if (this.#process === engine) this.#died(how);
      },
    });
    this.#process = engine;
    return engine;
  }

  #handle(reply: EngineReply): void {
    switch (reply.kind) {
      case "ready":
        this.#state = "running";
        return;
      case "event":
        this.#runs.get(reply.id)?.(reply.event);
        return;
      case "census": {
        const { problem, rows } = reply;
        if (problem) this.#censuses.get(reply.id)?.reject(new Problem(problem.code, problem.detail, problem.errors));
        else this.#censuses.get(reply.id)?.resolve(rows as CensusRows);
        return;
      }
      case "models":
        this.#models = reply.models;
        return;
      case "stats":
        this.#stats = reply.stats;
        return;
      case "reply": {
        const waiting = this.#waiting.get(reply.seq);
        this.#waiting.delete(reply.seq);
        if (reply.problem) waiting?.reject(new Problem(reply.problem.code, reply.problem.detail, reply.problem.errors));
        else waiting?.resolve(reply.status as ModelStatus);
        return;
      }
    }
  }

  #died(how: string): void {
    const lived = Date.now() - this.#startedAt;
    this.#failures = lived > BACKOFF.forgottenAfter ? 1 : this.#failures + 1;
    this.#retryAt = Date.now() + Math.min(BACKOFF.most, BACKOFF.first * 2 ** (this.#failures - 1));
    this.#restarts++;
    this.#process = null;
    this.#state = "backoff";
    this.#options.log(`the engine process ended (${how}); it starts again with the next run`);
    this.#forget();
    this.#endAll(
      new Problem(
        "engine_failed",
        `The engine process ended in the middle of the run (${how}). It is started again; please repeat the run.`,
      ),
    );
  }

  #forget(): void {
    this.#past = this.#stats
      ? { ...add(this.#past, this.#stats), readyRows: 0, activeRuns: 0, modelMemoryBytes: 0, rssBytes: 0 }
      : this.#past;
    this.#stats = null;
    this.#models = [];
  }

  #endAll(problem: Problem): void {
    for (const push of this.#runs.values()) push({ type: "error", problem: problem.data });
    for (const { reject } of this.#censuses.values()) reject(problem);
    for (const { reject } of this.#waiting.values()) reject(problem);
    this.#waiting.clear();
  }

  #busy(): void {
    if (this.#idleTimer) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
  }

  #idle(): void {
    const { idleSeconds } = this.#options;
    if (idleSeconds === null || this.#runs.size + this.#censuses.size + this.#waiting.size > 0) return;
    this.#busy();
    this.#idleTimer = setTimeout(() => void this.stop(), idleSeconds * 1000);
    this.#idleTimer.unref?.();
  }
}

/** Counters go on over restarts; gauges are those of the process that lives. */
function add(past: EngineStats | null, now: EngineStats): EngineStats {
  if (!past) return now;
  return {
    ...now,
    blockCalls: past.blockCalls + now.blockCalls,
    blockRows: past.blockRows + now.blockRows,
    blockTokens: past.blockTokens + now.blockTokens,
    readoutCalls: past.readoutCalls + now.readoutCalls,
    readoutRows: past.readoutRows + now.readoutRows,
    rememberedSteps: past.rememberedSteps + now.rememberedSteps,
    computedSteps: past.computedSteps + now.computedSteps,
    rowsPerCall: now.rowsPerCall.map((count, index) => count + (past.rowsPerCall[index] ?? 0)),
  };
}
