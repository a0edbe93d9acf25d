/** One run in flight: from its start, or from where another process left it, until its log is complete. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../engine/protocol.ts";
import type { Log } from "../log.ts";
import type { RunSummary } from "../schemas/runs.ts";
import type { Telemetry } from "../telemetry.ts";
import { ActiveRun, type Follower } from "./active-run.ts";
import type { Ticket } from "./admission.ts";
import { executeRun } from "./execute.ts";
import type { RunLog } from "./logs/run-log.ts";
import { LogTaken } from "./logs/run-logs.ts";
import type { Means } from "./means.ts";
import { outcomeOf, problemOf } from "./outcome.ts";
import type { PreparedRun } from "./prepare.ts";
import { goOn, type History } from "./resume.ts";

/** Longest wait of a detached run's client for its log to begin: a run goes on that has none. */
const STORED_MS = 2000;

/** A run in flight, as routes hold it. */
export interface RunHandle {
  readonly id: string;
  follow(after: number): Follower;
  /** Cancels it between two calls of the engine. */
  cancel(): void;
  /** Settles when the log has its header, so that the run outlives this process, or when that takes too long. */
  stored(): Promise<void>;
}

export interface FlightOptions {
  readonly engine: Engine;
  readonly means: Means;
  readonly telemetry: Telemetry;
  readonly log: Log;
  readonly keepBytes: number;
  /** Told when a run has its first layer (the engine works), and when one ends because the engine failed. */
  readonly proved?: (works: boolean) => void;
}

export interface FlightRun {
  readonly run: PreparedRun;
  readonly summary: Omit<RunSummary, "events" | "state" | "started_at" | "finished_at" | "error">;
  readonly log: RunLog;
  readonly ticket: Ticket;
  /** Aborts the run, and its wait for a place. */
  readonly controller: AbortController;
  /** What the log has already, of a run that goes on. */
  readonly history: History | null;
}

export class Flight implements RunHandle {
  readonly id: string;
  readonly #options: FlightOptions;
  readonly #flown: FlightRun;
  readonly #active: ActiveRun;
  #summary: Omit<RunSummary, "events">;
  /** It is left to another process, or was taken by one: what it still says is void. */
  #left = false;
  /** Settles when its log has its end, or could not get it so far. */
  readonly ended: Promise<void>;

  constructor(flown: FlightRun, options: FlightOptions) {
    const { summary, log } = flown;
    this.id = summary.id;
    this.#options = options;
    this.#flown = flown;
    this.#active = new ActiveRun(log, options.keepBytes);
    this.#summary = { ...summary, state: "queued", started_at: null, finished_at: null, error: null };
    log.listen((taken) => taken && this.#taken());
    this.ended = Promise.resolve().then(() => this.#fly());
  }

  /** As its readers may see it: it is not over before its last event can be read. */
  get summary(): RunSummary {
    const { events, last } = this.#active;
    const over = last !== undefined && events === last.seq;
    const shown = over
      ? {}
      : ({ state: this.#summary.started_at ? "running" : "queued", finished_at: null, error: null } as const);
    return { ...this.#summary, ...shown, events };
  }

  /** As it ended, whatever can be read of it by now. */
  get final(): RunSummary {
    return { ...this.#summary, events: this.#active.last?.seq ?? 0 };
  }

  /** Whether it goes on elsewhere. */
  get left(): boolean {
    return this.#left;
  }

  get detached(): boolean {
    return this.#summary.detached;
  }

  /** Settles when the log has its end, or will get none from here. */
  get complete(): Promise<void> {
    return this.#flown.log.complete;
  }

  follow(after: number): Follower {
    return this.#active.follow(after);
  }

  async stored(): Promise<void> {
    const late = new AbortController();
    const stored = this.#flown.log.flush().catch(() => {});
    await Promise.race([stored, sleep(STORED_MS, undefined, { signal: late.signal }).catch(() => {})]);
    late.abort();
  }

  cancel(): void {
    this.#flown.controller.abort();
  }

  /** Stops it here without an end: it goes on where its log is taken over. Settles when others may take it. */
  async leave(): Promise<void> {
    if (this.#summary.finished_at) return this.ended;
    this.#leave();
    await this.#flown.log.release().catch((error: unknown) => this.#unwritten(error));
  }

  async #fly(): Promise<void> {
    const { telemetry } = this.#options;
    const { run, history, controller, log } = this.#flown;
    const computed = executeRun(run, this.#hooks(), controller.signal);
    for await (const batch of history ? goOn(computed, this.id, history) : computed) {
      if (this.#left) return;
      this.#active.push(batch);
    }
    if (this.#left) return;
    const { last } = this.#active;
    const [end, finished_at] = [last ? outcomeOf(last) : "failed", new Date().toISOString()] as const;
    this.#summary = { ...this.#summary, state: end, finished_at, error: last ? problemOf(last) : null };
    this.#active.end("completed");
    telemetry.run(end, run.job.tokens.length);
    if (this.#summary.error?.code === "engine_failed") this.#options.proved?.(false);
    await log.close({ end, started_at: this.#summary.started_at, finished_at }).catch((error: unknown) => this.#unwritten(error));
  }

  #hooks() {
    const { engine, means, telemetry, log } = this.#options;
    const { run, ticket } = this.#flown;
    const elapsed = () => (performance.now() - run.arrivedAt) / 1000;
    return {
      engine,
      means,
      ticket,
      started: () => {
        const started_at = new Date().toISOString();
        this.#summary = { ...this.#summary, state: "running", started_at };
        this.#flown.log.started(started_at);
        telemetry.queueWait(elapsed());
      },
      firstLayer: () => {
        telemetry.firstLayer(elapsed());
        this.#options.proved?.(true);
      },
      failed: (error: unknown) =>
        log.error("a run failed", { run: this.id, error: error instanceof Error ? error.stack : String(error) }),
    };
  }

  /** An attached run goes on for its reader; a detached one has nobody here who could not read it there. */
  #taken(): void {
    if (this.#summary.detached) this.#leave();
    this.#options.log.warn("a run's log was taken over by another process", { run: this.id });
  }

  #leave(): void {
    this.#left = true;
    this.#active.end("abandoned");
    this.cancel();
  }

  #unwritten(error: unknown): void {
    if (!(error instanceof LogTaken))
      this.#options.log.error("a run's log could not be written", { run: this.id, error: String(error) });
  }
}
