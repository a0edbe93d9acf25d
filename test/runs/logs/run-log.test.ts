/** How a log is written where its store fails as it likes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LogSink, type Room, RunLog } from "../../../src/runs/logs/run-log.ts";
import { type LogEnd, LogTaken } from "../../../src/runs/logs/run-logs.ts";
import type { WireEvent } from "../../../src/runs/wire-event.ts";
import { done, END, layers, readAll } from "../../support/run-logs.ts";

/** What a write comes to: stored, not stored, or stored although it says that it was not, as when an answer is lost. */
type Fate = "stored" | "failed" | "unanswered";

/** A store of rows with a number: what is given twice is there once. */
function store(fates: Iterable<Fate>) {
  const fate = fates[Symbol.iterator]();
  const rows = new Map<number, WireEvent>();
  const state = { end: null as LogEnd | null, writes: 0, released: false };
  const meet = async (act: () => void) => {
    await Promise.resolve();
    const { value = "stored" } = fate.next() as { value?: Fate };
    if (value !== "failed") act();
    if (value !== "stored") throw new Error(`it ${value}`);
  };
  const sink: LogSink = {
    write: (events) => {
      state.writes++;
      return meet(() => {
        for (const event of events) rows.set(event.seq, event);
      });
    },
    end: (end) =>
      meet(() => {
        state.end = end;
      }),
    release: async () => {
      state.released = true;
    },
    reader: (after) => {
      let seq = after;
      return {
        next: async () => {
          const events = [...rows.values()].filter((row) => row.seq > seq);
          seq = events.at(-1)?.seq ?? seq;
          return events.length > 0 ? events : null;
        },
        close: async () => {},
      };
    },
  };
  return { sink, rows, state };
}

const open = (sink: LogSink, room: Room = { used: 0, most: 1e6 }, strict = true) =>
  new RunLog({ id: "r", sink, room, strict, patienceMs: 60_000 });

describe("A log", () => {
  it("Has no gap and nothing twice, whatever becomes of its writes, and shows only what is stored", async () => {
    const fates = fc.array(fc.constantFrom<Fate>("stored", "failed", "unanswered"), { maxLength: 30 });
    const batches = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fates, batches, fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }), async (fate, sizes, waits) => {
        const { sink, rows, state } = store(fate);
        const room = { used: 0, most: 1e6 };
        const log = open(sink, room);
        let seq = 0;
        for (const [i, size] of sizes.entries()) {
          log.append(layers(seq + 1, seq + size));
          seq += size;
          if (waits[i]) await log.flush().catch(() => {});
          expect(log.shown).toBeLessThanOrEqual(rows.size);
          const [least, read] = [log.shown, await readAll(log.reader(0))];
          expect(read.map((event) => event.seq)).toEqual(read.map((_, n) => n + 1));
          expect([read.length >= least, read.length <= rows.size]).toEqual([true, true]);
        }
        log.append([done(seq + 1)]);
        let over = false;
        void log.complete.then(() => {
          over = true;
        });
        // Whoever asks has it tried at once.
        for (let tries = 0; tries <= fate.length && !over; tries++) await log.close(END).catch(() => {});
        await log.complete;
        expect([...rows.keys()]).toEqual(Array.from({ length: seq + 1 }, (_, n) => n + 1));
        expect([state.end, room.used]).toEqual([END, 0]);
      }),
      { numRuns: 200 },
    );
  });

  it("Says what keeps it from being stored, to everybody who waits for that", async () => {
    const { sink } = store(["failed", "failed"]);
    const log = open(sink);
    log.append(layers(1, 1));
    await expect(Promise.all([log.flush(), log.flush()])).rejects.toThrow("it failed");
    await expect(log.close(END)).rejects.toThrow("it failed");
    await expect(log.close(END)).resolves.toBeUndefined();
  });

  it("Does not try a store that fails with every event", async () => {
    const { sink, state } = store(Array(1000).fill("failed"));
    const log = open(sink);
    for (let seq = 1; seq <= 500; seq++) {
      log.append(layers(seq, seq));
      await Promise.resolve();
    }
    expect(state.writes).toBe(1);
    await log.release();
  });

  it("Gathers events of a run that somebody reads anyway", async () => {
    const { sink, state, rows } = store([]);
    const log = open(sink, undefined, false);
    for (let seq = 1; seq <= 500; seq++) {
      log.append(layers(seq, seq));
      await Promise.resolve();
    }
    expect([state.writes, log.shown]).toEqual([0, Number.POSITIVE_INFINITY]);
    expect(await readAll(log.reader(490))).toEqual(layers(491, 500));
    await log.close(END);
    expect([state.writes, rows.size]).toEqual([1, 500]);
  });

  it("Gives room back that another one needs, when it is over or left", async () => {
    const room = { used: 0, most: 10_000 };
    const [one, other] = [open(store(Array(100).fill("failed")).sink, room), open(store([]).sink, room)];
    one.append(layers(1, 3, "x".repeat(2000)));
    expect(room.used).toBeGreaterThan(6000);
    other.append(layers(1, 2, "x".repeat(2000)));
    await other.flush();
    await one.release();
    expect(room.used).toBe(0);
    await other.close(END);
  });

  it("Is void when it was taken over, and tells that once", async () => {
    const { sink, rows, state } = store([]);
    const log = open(sink);
    let told = 0;
    log.listen((taken) => {
      if (taken) told++;
    });
    log.append(layers(1, 2));
    await log.flush();
    log.append(layers(3, 4));
    log.taken();
    log.taken();
    await log.complete;
    await expect(log.flush()).rejects.toThrow(LogTaken);
    log.append(layers(5, 5));
    await expect(log.close(END)).rejects.toThrow("the log of r is written by another process now");
    expect([told, state.end, log.shown <= rows.size]).toEqual([1, null, true]);
  });
});
