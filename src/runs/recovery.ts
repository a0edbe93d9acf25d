/** Runs that their process left in the middle: detached ones go on here, attached ones are closed with an `error`. */
import type { Log } from "../log.ts";
import { Problem } from "../problem.ts";
import { problemDocument } from "../problem-document.ts";
import { fieldErrors } from "../schemas/field-errors.ts";
import { RunRequest } from "../schemas/run-request.ts";
import { DatabaseUnavailable } from "../store/database.ts";
import type { LogHeader, RunLogs, TakenLog } from "./logs/run-logs.ts";
import { errorEvent, outcomeOf } from "./outcome.ts";
import type { PreparedRun } from "./prepare.ts";
import { changed, type History, readHistory } from "./resume.ts";

/** Takes of a run that gets no further, after which it is given up: it may be what ends the service. */
const MAX_TAKES = 20;
/** How often it is looked whether there is one. */
const LOOK_MS = 5000;
/** How often it is tried to find a place for one. */
const PLACE_MS = 250;

/** A run that goes on, with the log that it goes on in. */
export interface Resumed {
  readonly run: PreparedRun;
  readonly taken: TakenLog;
  readonly history: History;
}

export interface RecoveryOptions {
  readonly logs: RunLogs;
  readonly log: Log;
  readonly prepare: (request: RunRequest) => Promise<PreparedRun>;
  /** Starts it. Throws `queue_full`. */
  readonly resume: (resumed: Resumed) => void;
}

export class Recovery {
  readonly #options: RecoveryOptions;
  /** Logs that are being closed. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #taking = new Set<string>();
  #looking: Promise<void> | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;
  readonly #stop = new AbortController();

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Looks now, and again and again. Settles after the first look. */
  begin(): Promise<void> {
    if (!this.#timer && !this.#stop.signal.aborted) {
      this.#timer = setInterval(() => void this.look(), LOOK_MS);
      this.#timer.unref?.();
    }
    return this.look();
  }

  /** Takes nothing over any more. Settles when nothing is being taken over. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#stop.abort();
    await this.#looking;
  }

  /** Whether it is taking this one over, so that it will be in flight soon. */
  takes(id: string): boolean {
    return this.#taking.has(id);
  }

  /** Takes over what nobody runs, one after another. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error: unknown) => this.#options.log.warn("logs could not be looked through", { error: String(error) }))
      .finally(() => (this.#looking = null));
    return this.#looking;
  }

  /** Ends the log of a run that nobody runs any more, and that cannot go on; once, however many ask. */
  close(id: string, problem: Problem = stopped()): Promise<void> {
    const known = this.#closing.get(id);
    if (known) return known;
    const closing = this.#take(id, problem).finally(() => this.#closing.delete(id));
    this.#closing.set(id, closing);
    return closing;
  }

  async #look(): Promise<void> {
    for (const id of await this.#options.logs.orphans()) {
      if (this.#stop.signal.aborted) return;
      await this.#take(id, null).catch((error: unknown) =>
        this.#options.log.error("a run could not be taken over", { run: id, error: String(error) }),
      );
    }
  }

  /** `problem`: what ends it; null: it goes on where it can. */
  async #take(id: string, problem: Problem | null): Promise<void> {
    this.#taking.add(id);
    try {
      const taken = await this.#options.logs.take(id);
      if (taken) await this.#conclude(taken, problem);
    } finally {
      this.#taking.delete(id);
    }
  }

  /** Ends it, or has it go on. Where neither can be done now, it is left to the next look, here or elsewhere. */
  async #conclude(taken: TakenLog, problem: Problem | null): Promise<void> {
    const { logs, log } = this.#options;
    const { id } = taken.header;
    try {
      const history = await readHistory(logs.reader(id, 0));
      const reason = problem ?? reasonAgainst(taken);
      if (reason || history.terminal) return await end(taken, history, reason ?? stopped());
      const run = await this.#prepared(taken.header).catch((error: unknown) => this.#refusal(id, error));
      if (run instanceof Problem) return await end(taken, history, run);
      await this.#place({ run, taken, history });
      log.info("a run goes on", { run: id, events: history.last });
    } catch (error) {
      await taken.log.release().catch(() => {});
      if (!(error instanceof Stopped)) throw error;
    }
  }

  /** Waits until there is a place for it. */
  async #place(resumed: Resumed): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      if (signal.aborted) throw new Stopped();
      try {
        return this.#options.resume(resumed);
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== "queue_full") throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, PLACE_MS));
    }
  }

  /** Why it cannot be prepared. Throws what may be otherwise later. */
  #refusal(id: string, error: unknown): Problem {
    if (error instanceof DatabaseUnavailable) throw error;
    if (!(error instanceof Problem))
      this.#options.log.error("a run could not be prepared again", { run: id, error: String(error) });
    return Problem.from(error);
  }

  /** The run as it was asked for, with the id that it has. */
  async #prepared({ id, model, revision = null, request }: LogHeader): Promise<PreparedRun> {
    const parsed = RunRequest.safeParse(request);
    if (!parsed.success) throw refused(new Problem("invalid_request", fieldErrors(parsed.error as never)[0]?.detail ?? ""));
    const run = await this.#options.prepare(parsed.data).catch((error: unknown) => {
      throw error instanceof Problem ? refused(error) : error;
    });
    if (run.model.revision !== revision)
      throw changed(`the model ${model} had revision ${revision} when it began and has ${run.model.revision} now`);
    return { ...run, job: { ...run.job, id } };
  }
}

/** Why a run does not go on, before it is looked at. */
function reasonAgainst({ header, takes, cancelled }: TakenLog): Problem | null {
  if (cancelled) return new Problem("cancelled", "The run was cancelled.");
  if (!header.request) return stopped();
  if (takes <= MAX_TAKES) return null;
  return new Problem(
    "engine_failed",
    `The service stopped ${takes} times in the middle of the run, which got no further; ${MAX_TAKES} times are allowed.`,
  );
}

/** Writes the `error` event, unless the log has its last event, and the end. */
async function end({ log, header }: TakenLog, { last, terminal }: History, problem: Problem): Promise<void> {
  const final = terminal ?? errorEvent(last + 1, header.id, problemDocument(problem.data));
  if (!terminal) log.append([final]);
  await log.close({ end: outcomeOf(final), started_at: null, finished_at: new Date().toISOString() });
}

function stopped(): Problem {
  return new Problem("engine_failed", "The service stopped in the middle of the run.");
}

function refused({ code, message, errors }: Problem): Problem {
  return new Problem(code, `The service stopped in the middle of the run, and it is refused now: ${message}`, errors);
}

/** This process takes nothing over any more. */
class Stopped extends Error {}
