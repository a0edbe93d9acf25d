/**
 * The log of one run as it is written: events are gathered, stored in batches and in order, and given again when that
 * failed, so that a log has no gaps. The run is never held up: while its log cannot be written, its events are kept up
 * to a bound, beyond which the log ends with an error that says so.
 */
import { problemDocument } from "../../problem-document.ts";
import { errorEvent } from "../outcome.ts";
import type { WireEvent } from "../wire-event.ts";
import { type EventReader, type LogEnd, LogTaken } from "./run-logs.ts";
import { Waiters } from "./waiters.ts";

/** Where the events of one log go. */
export interface LogSink {
  /** Stores events, the first time the header too. Where it throws, the same events are given again, and others after them. */
  write(events: readonly WireEvent[], startedAt: string | null): Promise<void>;
  end(end: LogEnd): Promise<void>;
  /** Leaves the log, without an end, to another process. */
  release(): Promise<void>;
  /** Reads what is stored. */
  reader(after: number): EventReader;
}

/** Characters of events that wait to be stored, in all logs of a process together, and how many may. */
export interface Room {
  used: number;
  readonly most: number;
}

/** Room for what a few large runs say in the time that a database takes to come back. */
export const ROOM_CHARS = 256 * 1024 * 1024;

export interface RunLogOptions {
  readonly id: string;
  readonly sink: LogSink;
  readonly room: Room;
  /** Store at once, and show nothing that is not stored: what a reader has seen is then what any later one will see. */
  readonly strict: boolean;
  /** So long readers of a strict log wait for a store that fails; then they see what it has not got. */
  readonly patienceMs: number;
  /** Seq of the last event that is stored already. */
  readonly stored?: number;
}

/** Text that is gathered before it is written, and for how long: a write per event would cost more than the event. */
const BATCH = { chars: 262_144, ms: 50, most: 4 * 1024 * 1024 } as const;
/** After a failed write, from the first to the longest pause. */
const PAUSE_MS = { least: 100, most: 5000 } as const;

export class RunLog {
  readonly id: string;
  readonly #sink: LogSink;
  readonly #room: Room;
  readonly #strict: boolean;
  readonly #patienceMs: number;
  /** Told when more can be read, and once when the log is taken over. */
  readonly #listeners = new Set<(taken: boolean) => void>();
  /** Not stored yet, the first `#writing` of them given to the sink. */
  readonly #waiting: WireEvent[] = [];
  #writing = 0;
  #chars = 0;
  #appended: number;
  #stored: number;
  #begun: boolean;
  #startedAt: string | null = null;
  #end: LogEnd | null = null;
  #over = false;
  /** From this event on nothing is stored any more. */
  #lostFrom: number | null = null;
  #failure: unknown = null;
  #failingSince = 0;
  readonly #waiters = new Waiters();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isWriting = false;
  #written: Promise<void> = Promise.resolve();
  /** Ends the pause after a failure. */
  #resume: () => void = () => {};
  readonly #complete = Promise.withResolvers<void>();

  constructor({ id, sink, room, strict, patienceMs, stored }: RunLogOptions) {
    this.id = id;
    this.#sink = sink;
    this.#room = room;
    this.#strict = strict;
    this.#patienceMs = patienceMs;
    this.#appended = this.#stored = stored ?? 0;
    this.#begun = stored !== undefined;
    if (!this.#begun) this.#schedule();
  }

  /** Seq of the last event. */
  get events(): number {
    return this.#appended;
  }

  /** Seq of the last event that may be shown; beyond the last one: all. */
  get shown(): number {
    const tired = this.#failure !== null && performance.now() - this.#failingSince >= this.#patienceMs;
    const gaveUp = tired || this.#lostFrom !== null;
    return this.#strict && !gaveUp ? this.#stored : Number.POSITIVE_INFINITY;
  }

  /** Settles when the log has its end, or will get none from here. */
  get complete(): Promise<void> {
    return this.#complete.promise;
  }

  /** Calls `changed` when more may be shown, and when another process has taken the log over (true). */
  listen(changed: (taken: boolean) => void): void {
    this.#listeners.add(changed);
  }

  append(events: readonly WireEvent[]): void {
    this.#appended = events.at(-1)?.seq ?? this.#appended;
    if (this.#over || this.#lostFrom !== null) return;
    for (const event of events) this.#enqueue(event);
    if (this.#room.used > this.#room.most) this.#lose();
    else if (this.#strict || this.#chars >= BATCH.chars) this.#pump();
    else this.#schedule();
  }

  /** The run has left the queue. */
  started(at: string): void {
    this.#startedAt = at;
  }

  /** Settles when everything appended so far is stored. Throws what keeps it from being. */
  flush(): Promise<void> {
    return this.#until(this.#appended);
  }

  /** Stores the end. Throws what keeps it from being stored; it is tried again all the same, until `complete`. */
  close(end: LogEnd): Promise<void> {
    const from = this.#lostFrom;
    this.#end = from === null ? end : { ...end, end: "failed" };
    if (from !== null && !this.#over) {
      const detail = `The log of the run ends here: the events from ${from} on could not be stored.`;
      this.#enqueue(errorEvent(from, this.id, problemDocument({ code: "internal", detail })));
    }
    return this.#until(Number.POSITIVE_INFINITY);
  }

  /** Stores what there is, if that can be done now, and leaves the log without an end to another process. */
  async release(): Promise<void> {
    await this.flush().catch(() => {});
    this.#stop(new Error(`the log of ${this.id} is left to another process`));
    await this.#written;
    await this.#sink.release().finally(() => this.#complete.resolve());
  }

  /** The log is another process's: what waits for it is void. */
  taken(): void {
    if (this.#over) return;
    this.#stop(new LogTaken(this.id));
    this.#complete.resolve();
    this.#tell(true);
  }

  /** Reads the events after `after`: what is stored, then what may be shown and waits to be. */
  reader(after: number): EventReader {
    const stored = this.#sink.reader(after);
    let seq = after;
    const next = async (): Promise<readonly WireEvent[] | null> => {
      for (;;) {
        const before = this.#stored;
        const batch = (seq < before ? await stored.next() : null) ?? this.#unstored(seq);
        // More may have been stored while it was read.
        if (batch || this.#stored === before) return batch;
      }
    };
    return {
      next: async () => {
        const batch = await next();
        seq = batch?.at(-1)?.seq ?? seq;
        return batch;
      },
      close: () => stored.close(),
    };
  }

  #unstored(after: number): readonly WireEvent[] | null {
    const events: WireEvent[] = [];
    let chars = 0;
    for (const event of this.#waiting) {
      if (event.seq > this.shown || chars > BATCH.most) break;
      if (event.seq <= after) continue;
      if (events.length === 0 && event.seq !== after + 1) return null;
      events.push(event);
      chars += event.json.length;
    }
    return events.length > 0 ? events : null;
  }

  /** Settles when all up to an event is stored; infinity: the end too. */
  #until(seq: number): Promise<void> {
    const reached = this.#waiters.add(seq);
    this.#resume();
    this.#pump();
    return reached;
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#pump(), BATCH.ms);
  }

  /** Has everything stored that waits, unless that is under way. */
  #pump(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#written = this.#write();
  }

  async #write(): Promise<void> {
    for (let pause: number = PAUSE_MS.least; !this.#over && this.#isBehind(); ) {
      try {
        await this.#step();
        pause = PAUSE_MS.least;
      } catch (error) {
        if (error instanceof LogTaken) this.taken();
        if (this.#over) break;
        if (!this.#failure) this.#failingSince = performance.now();
        this.#failure = error;
        this.#waiters.fail(error);
        this.#tell(false);
        await this.#rest(pause);
        pause = Math.min(2 * pause, PAUSE_MS.most);
      }
    }
    // Nothing may come between the last look and this.
    this.#isWriting = false;
    this.#settle();
  }

  #isBehind(): boolean {
    return !this.#begun || this.#waiting.length > 0 || this.#end !== null;
  }

  /** One batch, and the end after the last one. */
  async #step(): Promise<void> {
    if (!this.#begun || this.#waiting.length > 0) {
      // What may have been stored before a failure was seen is given again as it was.
      const batch = this.#waiting.slice(0, this.#writing || this.#batchLength());
      this.#writing = batch.length;
      await this.#sink.write(batch, this.#startedAt);
      if (this.#over) return;
      this.#failure = null;
      this.#begun = true;
      this.#forget(0, batch.length);
      this.#writing = 0;
      this.#stored = batch.at(-1)?.seq ?? this.#stored;
      this.#settle();
      this.#tell(false);
    } else if (this.#end) {
      await this.#sink.end(this.#end);
      if (this.#over) return;
      this.#failure = null;
      this.#over = true;
      this.#complete.resolve();
    }
  }

  #batchLength(): number {
    let [length, chars] = [0, 0];
    for (const { json } of this.#waiting) {
      chars += json.length;
      if (chars > BATCH.most && length > 0) break;
      length++;
    }
    return length;
  }

  #enqueue(event: WireEvent): void {
    this.#waiting.push(event);
    this.#chars += event.json.length;
    this.#room.used += event.json.length;
  }

  /** Takes events out of those that wait. */
  #forget(from: number, count: number): void {
    let chars = 0;
    for (const { json } of this.#waiting.splice(from, count)) chars += json.length;
    this.#chars -= chars;
    this.#room.used -= chars;
  }

  /** There is no room for what waits: it is let go, but for the batch that the sink may have stored by now. */
  #lose(): void {
    this.#forget(this.#writing, this.#waiting.length);
    this.#lostFrom = (this.#waiting.at(-1)?.seq ?? this.#stored) + 1;
    this.#tell(false);
  }

  /** Nothing more is written from here. */
  #stop(reason: Error): void {
    this.#over = true;
    this.#failure = reason;
    if (this.#timer) clearTimeout(this.#timer);
    this.#resume();
    this.#forget(0, this.#waiting.length);
    this.#settle();
  }

  /** Tells those who waited for what has been reached. */
  #settle(): void {
    if (this.#over && this.#failure) this.#waiters.fail(this.#failure);
    else this.#waiters.settle((seq) => this.#isReached(seq));
  }

  #isReached(seq: number): boolean {
    if (seq === Number.POSITIVE_INFINITY || this.#over) return this.#over;
    // What is lost will never be stored.
    return this.#begun && this.#stored >= Math.min(seq, (this.#lostFrom ?? Number.POSITIVE_INFINITY) - 1);
  }

  /** Waits for so long, or until somebody asks for the store to be tried at once. */
  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref?.();
      this.#resume = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #tell(taken: boolean): void {
    for (const listener of this.#listeners) listener(taken);
  }
}
