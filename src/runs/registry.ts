/** All runs: those in flight here, and the logs of those that are over, or in flight elsewhere. */
import { setTimeout as sleep } from "node:timers/promises";
import { Problem } from "../problem.ts";
import type { RunRequest } from "../schemas/run-request.ts";
import type { RunSummary } from "../schemas/runs.ts";
import type { Follower } from "./active-run.ts";
import type { Admission } from "./admission.ts";
import { Flight, type FlightOptions, type FlightRun, type RunHandle } from "./flight.ts";
import { followLog } from "./follow-log.ts";
import type { LogHeader, LogQuery, LogSummary, Retention, RunLogs } from "./logs/run-logs.ts";
import type { PreparedRun } from "./prepare.ts";
import { Recovery, type Resumed } from "./recovery.ts";
import { runIdTime } from "./run-id.ts";

export type { RunHandle } from "./flight.ts";

export interface RegistryOptions extends FlightOptions {
  readonly admission: Admission;
  readonly logs: RunLogs;
  readonly retention: Retention;
  /** Prepares a detached run again that goes on. */
  readonly prepare: (request: RunRequest) => Promise<PreparedRun>;
}

export interface StartOptions {
  /** What a detached run was asked for with; null: an attached one, which belongs to its connection. */
  readonly detached: RunRequest | null;
}

export interface ListOptions extends LogQuery {
  readonly limit: number;
}

/** After a run's end, when its log and those that ended with it are counted against the retention. */
const PRUNE_MS = 5000;
/** How often logs are looked at for their age. */
const AGE_MS = 600_000;
/** Longest wait of a shutdown for what must still be written. */
const LEAVE_MS = 5000;
/** How often it is looked whether a run has ended that another process was asked to cancel. */
const CANCEL_MS = 250;

export class RunRegistry {
  readonly #options: RegistryOptions;
  readonly #flights = new Map<string, Flight>();
  readonly #recovery: Recovery;
  #pruneTimer: ReturnType<typeof setTimeout> | null = null;
  #ageTimer: ReturnType<typeof setInterval> | null = null;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const { logs, log, prepare } = options;
    this.#recovery = new Recovery({ logs, log, prepare, resume: (resumed) => this.#resume(resumed) });
    logs.listen({ cancel: (id) => this.#flights.get(id)?.cancel() });
  }

  get active(): number {
    return this.#flights.size;
  }

  /** Starts a run, or lets it wait. Throws `queue_full`. */
  start(run: PreparedRun, { detached }: StartOptions): RunHandle {
    const { id, model, tokens, schedules } = run.job;
    const header: LogHeader = {
      ...{ log: 1, id, model, detached: detached !== null, prompt_tokens: tokens.length, variants: schedules.length },
      created_at: new Date(runIdTime(id)).toISOString(),
      ...(detached ? { revision: run.model.revision, request: detached } : {}),
    };
    return this.#fly(run, header, () => this.#options.logs.create(header), null);
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<RunSummary> {
    const summary = await this.#find(id);
    if (!summary) throw notFound(id);
    return summary;
  }

  /** Newest first, and the cursor of the next page. */
  async list({ limit, ...query }: ListOptions): Promise<{ runs: RunSummary[]; next: string | null }> {
    const { model, state } = query;
    const runs: RunSummary[] = [];
    for await (const summary of this.#all(query)) {
      if (runs.length === limit) return { runs, next: runs.at(-1)?.id ?? null };
      if ((model === undefined || summary.model === model) && (state === undefined || summary.state === state))
        runs.push(summary);
    }
    return { runs, next: null };
  }

  /** The events after `after`, whether the run is in flight, here or elsewhere, or over. Throws `not_found`. */
  async follow(id: string, after: number): Promise<Follower> {
    const flight = this.#here(id);
    if (flight) return flight.follow(after);
    await this.get(id);
    return followLog(this.#options.logs, id, after, (from) => this.#here(id)?.follow(from));
  }

  /**
   * Cancels a run in flight and waits for its end, or purges one that is over (null). Throws `not_found`, and `conflict`
   * where the process that runs it cannot be told.
   */
  async remove(id: string): Promise<RunSummary | null> {
    const { logs } = this.#options;
    for (let asked = false; ; ) {
      const flight = this.#here(id);
      if (flight) {
        flight.cancel();
        await flight.ended;
        if (!flight.left) return flight.final;
      }
      const found = await logs.read(id);
      if (!found) throw notFound(id);
      if (found.end && asked) return summaryOf(found);
      if (found.end) {
        await logs.remove(id);
        return null;
      }
      if (!found.held) await this.#recovery.close(id, new Problem("cancelled", "The run was cancelled."));
      else if (!asked && !this.#recovery.takes(id)) await logs.cancel(id);
      asked = true;
      await sleep(CANCEL_MS);
    }
  }

  /**
   * Waits for the runs in flight, but no longer than `ms`. Then attached ones are cancelled, and detached ones left: they
   * go on where their logs are taken over, as after the next start.
   */
  async drain(ms: number): Promise<void> {
    const stopped = this.#recovery.stop();
    await within(ms, [stopped, ...this.#each((flight) => Promise.all([flight.ended, flight.complete]))]);
    const ended = this.#each((flight) => {
      if (flight.detached) return flight.leave();
      flight.cancel();
      return flight.ended;
    });
    await within(LEAVE_MS, [stopped, ...ended]);
    if (this.#ageTimer) clearInterval(this.#ageTimer);
    await within(LEAVE_MS, [this.#options.logs.close()]);
  }

  /** Takes over what a crash left open, now and later, and forgets what is too old; for the time after the start. */
  async tidy(): Promise<void> {
    await this.#recovery.begin();
    this.#ageTimer ??= setInterval(() => void this.#prune(), AGE_MS);
    this.#ageTimer.unref?.();
    await this.#prune();
  }

  #resume({ run, taken, history }: Resumed): void {
    this.#fly(run, taken.header, () => taken.log, history);
  }

  #fly(run: PreparedRun, header: LogHeader, log: () => FlightRun["log"], history: FlightRun["history"]): Flight {
    const controller = new AbortController();
    const ticket = this.#options.admission.enter(run.job.priority, run.estimate.memoryBytes, controller.signal);
    const flight = new Flight({ run, summary: shapeOf(header), log: log(), ticket, controller, history }, this.#options);
    this.#flights.set(flight.id, flight);
    void Promise.all([flight.ended, flight.complete]).finally(() => {
      if (this.#flights.get(flight.id) === flight) this.#flights.delete(flight.id);
      this.#pruneTimer ??= setTimeout(() => void this.#prune(), PRUNE_MS);
      this.#pruneTimer.unref?.();
    });
    return flight;
  }

  #each<T>(use: (flight: Flight) => Promise<T>): Promise<T>[] {
    return [...this.#flights.values()].map(use);
  }

  /** The run in flight of an id. */
  #here(id: string): Flight | undefined {
    const flight = this.#flights.get(id);
    return flight?.left ? undefined : flight;
  }

  async #find(id: string): Promise<RunSummary | null> {
    const flight = this.#here(id);
    if (flight) return flight.summary;
    const { logs } = this.#options;
    let found = await logs.read(id);
    if (found && isLost(found)) {
      await this.#recovery.close(id);
      found = await logs.read(id);
    }
    return found && summaryOf(found);
  }

  /** All runs of a query but for what it says of their state and model, the newest first. */
  async *#all(query: LogQuery): AsyncGenerator<RunSummary> {
    const { logs } = this.#options;
    // The oldest first: taken from the end.
    const here = [...this.#flights.keys()].filter((id) => query.cursor === undefined || id < query.cursor).sort();
    for await (const found of logs.list(query)) {
      const { id } = found.header;
      while ((here.at(-1) ?? "") > id) yield* this.#known(here.pop() as string);
      if (here.at(-1) === id) here.pop();
      if (this.#here(id) || isLost(found)) yield* this.#known(id);
      else yield summaryOf(found);
    }
    while (here.length > 0) yield* this.#known(here.pop() as string);
  }

  async *#known(id: string): AsyncGenerator<RunSummary> {
    const summary = await this.#find(id);
    if (summary) yield summary;
  }

  /** Removes the oldest logs that are more than the retention allows. */
  async #prune(): Promise<void> {
    if (this.#pruneTimer) clearTimeout(this.#pruneTimer);
    this.#pruneTimer = null;
    const { logs, retention, log } = this.#options;
    await logs.prune(retention).catch((error: unknown) => log.warn("old logs could not be removed", { error: String(error) }));
  }
}

/** Whether a run ended with its process, and does not go on. */
function isLost({ end, held, header }: LogSummary): boolean {
  return !end && !held && !header.request;
}

function shapeOf({ log: _, revision: __, request: ___, ...shape }: LogHeader): FlightRun["summary"] {
  return shape;
}

function summaryOf({ header, state, end, events, started_at, error }: LogSummary): RunSummary {
  return { ...shapeOf(header), state, events, started_at, finished_at: end?.finished_at ?? null, error };
}

/** Waits for all of them, but no longer than `ms`. */
async function within(ms: number, promises: readonly Promise<unknown>[]): Promise<void> {
  const late = new AbortController();
  await Promise.race([Promise.allSettled(promises), sleep(ms, undefined, { signal: late.signal }).catch(() => {})]);
  late.abort();
}

function notFound(id: string): Problem {
  return new Problem("not_found", `There is no run ${JSON.stringify(id.slice(0, 100))}. It may have been purged.`);
}
