/**
 * A run that goes on after a restart is computed again from its start. Its numbers are the same to the last bit, though
 * events may come in another order: those that its log has are left out, the others are numbered on.
 */
import { Problem } from "../problem.ts";
import { problemDocument } from "../problem-document.ts";
import type { EventReader } from "./logs/run-logs.ts";
import { errorEvent } from "./outcome.ts";
import { isTerminal, renumbered, type WireEvent } from "./wire-event.ts";

/** What a log has. */
export interface History {
  /** Seq of the last event. */
  readonly last: number;
  readonly meta: WireEvent | null;
  /** The last event of all, where the log has it. */
  readonly terminal: WireEvent | null;
  /** What its events tell: see `identityOf`. */
  readonly seen: ReadonlySet<string>;
}

const LAYER = /^\{"type":"layer","seq":\d+,"variant":("(?:[^"\\]|\\.)*"),"step":(\d+)/;

/** What an event tells, whatever its number: a step of a variant, or what a run has only one of. */
export function identityOf({ type, json }: WireEvent): string {
  const match = type === "layer" ? LAYER.exec(json) : null;
  return match ? `${match[2]} ${match[1]}` : type;
}

/** Reads a log to its end. */
export async function readHistory(reader: EventReader): Promise<History> {
  const seen = new Set<string>();
  let last = 0;
  let meta: WireEvent | null = null;
  let terminal: WireEvent | null = null;
  try {
    for (let batch = await reader.next(); batch; batch = await reader.next()) {
      for (const event of batch) {
        seen.add(identityOf(event));
        last = event.seq;
        if (event.type === "meta") meta = event;
        if (isTerminal(event)) terminal = event;
      }
    }
  } finally {
    await reader.close();
  }
  return { last, meta, terminal, seen };
}

/** The events of a run that its log has not, numbered on. Ends with an `error` when it is no longer the same run. */
export async function* goOn(
  batches: AsyncIterable<readonly WireEvent[]>,
  runId: string,
  { last, meta, seen }: History,
): AsyncGenerator<readonly WireEvent[], void, void> {
  let seq = last;
  for await (const batch of batches) {
    const fresh: WireEvent[] = [];
    for (const event of batch) {
      const difference = event.type === "meta" && meta ? differenceOf(meta, event) : null;
      if (difference) return yield [errorEvent(seq + 1, runId, problemDocument(changed(difference).data))];
      if (!seen.has(identityOf(event))) fresh.push(renumbered(event, ++seq));
    }
    if (fresh.length > 0) yield fresh;
  }
}

/** The problem of a run that cannot go on. */
export function changed(difference: string): Problem {
  return new Problem("conflict", `The service stopped in the middle of the run, and it cannot go on: ${difference}.`);
}

interface Meta {
  readonly model: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** What the run was, and what it would be now; null: the same. */
function differenceOf(before: WireEvent, after: WireEvent): string | null {
  const [was, is] = [before, after].map(({ json }) => JSON.parse(json) as Meta) as [Meta, Meta];
  for (const field of ["id", "revision", "device"]) {
    const [a, b] = [was.model[field], is.model[field]];
    if (a !== b) return `the ${field === "device" ? field : `model's ${field}`} was ${a} when it began and is ${b} now`;
  }
  // The precision is known once a model is loaded, which it need not be when a run begins.
  const rest = ({ seq: _, model: { precision: __, ...model }, ...fields }: Meta) => ({ ...fields, model });
  const [a, b] = [rest(was), rest(is)] as Readonly<Record<string, unknown>>[];
  const field = Object.keys({ ...a, ...b }).find((name) => JSON.stringify(a?.[name]) !== JSON.stringify(b?.[name]));
  return field === undefined ? null : `its ${field} are no longer what they were when it began`;
}
