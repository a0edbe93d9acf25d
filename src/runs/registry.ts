/** All runs: those in flight, and the logs of those that ended. */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Engine } from "../engine/protocol.ts";
import type { Log } from "../log.ts";
import { Problem } from "../problem.ts";
import { problemDocument } from "../problem-document.ts";
import type { RunSummary } from "../schemas/runs.ts";
import type { Telemetry } from "../telemetry.ts";
import { ActiveRun, type Follower } from "./active-run.ts";
import type { Admission } from "./admission.ts";
import { executeRun } from "./execute.ts";
import { LogWriter } from "./log.ts";
import { closeLog, type LogSummary, outcomeOf, problemOf, readEvents, readSummary } from "./log-reader.ts";
import type { Means } from "./means.ts";
import type { PreparedRun } from "./prepare.ts";
import { isRunId, runIdTime } from "./run-id.ts";

export interface RegistryOptions {
  readonly engine: Engine;
  readonly means: Means;
  readonly admission: Admission;
  readonly telemetry: Telemetry;
  readonly log: Log;
  /** Where logs lie. */
  readonly folder: string;
  readonly keepBytes: number;
  /** Told when a run has its first layer (the engine works), and when one ends because the engine failed. */
  readonly proved?: (works: boolean) => void;
  readonly retention: { readonly runs: number; readonly bytes: number };
}

/** A run in flight, as routes hold it. */
export interface RunHandle {
  readonly id: string;
  follow(after: number): Follower;
  /** Cancels it between two calls of the engine. */
  cancel(): void;
  /** Settles when its log is complete. */
  readonly ended: Promise<void>;
}

interface Flight extends RunHandle {
  readonly run: ActiveRun;
  readonly summary: Omit<RunSummary, "events">;
}

export interface ListOptions {
  readonly limit: number;
  /** Runs older than this one. */
  readonly cursor?: string | undefined;
  readonly model?: string | undefined;
  readonly state?: RunSummary["state"] | undefined;
}

const SUFFIX = ".ndjson";
/** After a run's end, when its log and those that ended with it are counted against the retention. */
const PRUNE_MS = 5000;

export class RunRegistry {
  readonly #options: RegistryOptions;
  readonly #flights = new Map<string, Flight>();
  /** Logs that are being closed after a crash. */
  readonly #closing = new Map<string, Promise<void>>();
  #pruneTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  get active(): number {
    return this.#flights.size;
  }

  /** Starts a run, or lets it wait. Throws `queue_full`. */
  start(run: PreparedRun, { detached }: { readonly detached: boolean }): RunHandle {
    const { admission, folder, keepBytes } = this.#options;
    const { id, model, tokens, schedules, priority } = run.job;
    const controller = new AbortController();
    const ticket = admission.enter(priority, run.estimate.memoryBytes, controller.signal);
    const created_at = new Date(runIdTime(id)).toISOString();
    const shape = { model, detached, prompt_tokens: tokens.length, variants: schedules.length, created_at };
    const active = new ActiveRun(new LogWriter(join(folder, `${id}${SUFFIX}`), { log: 1, id, ...shape }), keepBytes);
    const summary: Flight["summary"] = { id, ...shape, state: "queued", started_at: null, finished_at: null, error: null };
    const events = executeRun(run, this.#hooks(run, ticket, summary), controller.signal);
    const flight: Flight = {
      id,
      run: active,
      summary,
      follow: (after) => active.follow(after),
      cancel: () => controller.abort(),
      ended: Promise.resolve().then(() => this.#fly(flight, run, events)),
    };
    this.#flights.set(id, flight);
    return flight;
  }

  /** The run in flight of an id. */
  flight(id: string): RunHandle | undefined {
    return this.#flights.get(id);
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<RunSummary> {
    const summary = await this.#find(id);
    if (!summary) throw notFound(id);
    return summary;
  }

  /** Newest first, and the cursor of the next page. */
  async list({ limit, cursor, model, state }: ListOptions): Promise<{ runs: RunSummary[]; next: string | null }> {
    const ids = (await this.#ids()).filter((id) => cursor === undefined || id < cursor);
    const runs: RunSummary[] = [];
    for (const id of ids) {
      if (runs.length === limit) return { runs, next: runs.at(-1)?.id ?? null };
      const summary = await this.#find(id);
      if (summary && (model === undefined || summary.model === model) && (state === undefined || summary.state === state))
        runs.push(summary);
    }
    return { runs, next: null };
  }

  /** The events after `after`, whether the run is in flight or over. Throws `not_found`. */
  async follow(id: string, after: number): Promise<Follower> {
    const flight = this.#flights.get(id);
    if (flight) return flight.follow(after);
    await this.get(id);
    const events = readEvents(this.#path(id), after);
    return {
      next: async () => (await events.next()).value ?? "end",
      close: () => void events.return(),
    };
  }

  /** Cancels a run in flight and waits for its end, or purges one that is over (null). Throws `not_found`. */
  async remove(id: string): Promise<RunSummary | null> {
    const flight = this.#flights.get(id);
    if (flight) {
      flight.cancel();
      await flight.ended;
      return this.get(id);
    }
    await this.get(id);
    await rm(this.#path(id), { force: true });
    return null;
  }

  /** Waits for the runs in flight; those that take longer than `ms` are cancelled. */
  async drain(ms: number): Promise<void> {
    const ended = Promise.all([...this.#flights.values()].map((flight) => flight.ended));
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([ended, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
    clearTimeout(timer);
    for (const flight of this.#flights.values()) flight.cancel();
    await Promise.all([...this.#flights.values()].map((flight) => flight.ended));
  }

  /** Closes what a crash left open and forgets what is too old; for the time after the start. */
  async tidy(): Promise<void> {
    for (const id of await this.#ids()) await this.#find(id).catch(() => null);
    await this.#prune();
  }

  #hooks(run: PreparedRun, ticket: Parameters<typeof executeRun>[1]["ticket"], summary: Flight["summary"]) {
    const { engine, means, telemetry, log } = this.#options;
    const elapsed = () => (performance.now() - run.arrivedAt) / 1000;
    return {
      engine,
      means,
      ticket,
      started: () => {
        summary.state = "running";
        summary.started_at = new Date().toISOString();
        telemetry.queueWait(elapsed());
      },
      firstLayer: () => {
        telemetry.firstLayer(elapsed());
        this.#options.proved?.(true);
      },
      failed: (error: unknown) =>
        log.error("a run failed", { run: run.job.id, error: error instanceof Error ? error.stack : String(error) }),
    };
  }

  async #fly({ run, summary }: Flight, { job }: PreparedRun, events: ReturnType<typeof executeRun>): Promise<void> {
    const { telemetry, log } = this.#options;
    for await (const batch of events) run.push(batch);
    const { last } = run;
    const end = last ? outcomeOf(last) : "failed";
    summary.error = last ? problemOf(last) : null;
    summary.finished_at = new Date().toISOString();
    summary.state = end;
    run.end();
    telemetry.run(end, job.tokens.length);
    if (summary.error?.code === "engine_failed") this.#options.proved?.(false);
    try {
      await run.log.close({ end, started_at: summary.started_at, finished_at: summary.finished_at });
    } catch (error) {
      log.error("a run's log could not be written", { run: job.id, error: String(error) });
    }
    this.#flights.delete(job.id);
    this.#pruneTimer ??= setTimeout(() => void this.#prune(), PRUNE_MS);
    this.#pruneTimer.unref?.();
  }

  async #find(id: string): Promise<RunSummary | null> {
    const flight = this.#flights.get(id);
    if (flight) return { ...flight.summary, events: flight.run.events };
    if (!isRunId(id)) return null;
    let found = await readSummary(this.#path(id));
    if (found && !found.end) {
      await this.#close(id, found);
      found = await readSummary(this.#path(id));
    }
    return found && summaryOf(found);
  }

  /** Ends the log of a run that nobody runs any more; once, however many ask. */
  async #close(id: string, found: LogSummary): Promise<void> {
    const known = this.#closing.get(id);
    if (known) return known;
    const problem = new Problem("engine_failed", "The service stopped in the middle of the run.");
    const closing = closeLog(this.#path(id), found, problemDocument(problem.data)).finally(() => this.#closing.delete(id));
    this.#closing.set(id, closing);
    return closing;
  }

  /** All ids, the newest first. */
  async #ids(): Promise<string[]> {
    const names = await readdir(this.#options.folder).catch(() => [] as string[]);
    const logged = names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));
    return [...new Set([...logged.filter(isRunId), ...this.#flights.keys()])].sort().reverse();
  }

  /** Removes the oldest logs that are more than the retention allows. */
  async #prune(): Promise<void> {
    if (this.#pruneTimer) clearTimeout(this.#pruneTimer);
    this.#pruneTimer = null;
    const { retention, log } = this.#options;
    try {
      let bytes = 0;
      for (const [i, id] of (await this.#ids()).entries()) {
        if (this.#flights.has(id)) continue;
        bytes += (await stat(this.#path(id)).catch(() => null))?.size ?? 0;
        if (i >= retention.runs || bytes > retention.bytes) await rm(this.#path(id), { force: true });
      }
    } catch (error) {
      log.warn("old logs could not be removed", { error: String(error) });
    }
  }

  #path(id: string): string {
    return join(this.#options.folder, `${id}${SUFFIX}`);
  }
}

function summaryOf({ header, end, last }: LogSummary): RunSummary {
  const { log: _, ...shape } = header;
  return {
    ...shape,
    state: end?.end ?? "running",
    events: last?.seq ?? 0,
    started_at: end?.started_at ?? null,
    finished_at: end?.finished_at ?? null,
    error: last ? problemOf(last) : null,
  };
}

function notFound(id: string): Problem {
  return new Problem("not_found", `There is no run ${JSON.stringify(id.slice(0, 100))}. It may have been purged.`);
}
