import { describe, expect, it } from "vitest";
import { Admission } from "../../src/runs/admission.ts";

const never = new AbortController().signal;
const limits = { maxActiveRuns: 2, maxQueuedRuns: 2, maxRunMemoryBytes: 100 };

/** Which of the tickets are in by now. */
async function admitted(tickets: readonly { admitted: Promise<boolean> }[]): Promise<(boolean | "waits")[]> {
  return Promise.all(tickets.map((ticket) => Promise.race([ticket.admitted, Promise.resolve().then(() => "waits" as const)])));
}

describe("Admission", () => {
  it("Lets runs in up to the limit, then in order as places come free", async () => {
    const admission = new Admission(limits);
    const tickets = [1, 2, 3, 4].map(() => admission.enter("interactive", 1, never));
    expect(await admitted(tickets)).toEqual([true, true, "waits", "waits"]);
    expect([admission.active, admission.queued]).toEqual([2, 2]);
    tickets[1]?.release();
    tickets[1]?.release();
    expect(await admitted(tickets)).toEqual([true, true, true, "waits"]);
  });

  it("Turns away who finds the queue full, with the numbers", () => {
    const admission = new Admission(limits);
    for (let i = 0; i < 4; i++) admission.enter("interactive", 1, never);
    expect(() => admission.enter("interactive", 1, never)).toThrow("2 runs are active and 2 wait; MAX_QUEUED_RUNS allows 2.");
    expect(admission.retryAfterSeconds).toBeGreaterThanOrEqual(1);
  });

  it("Never turns away a run that need not wait, with a queue of none", () => {
    const admission = new Admission({ ...limits, maxQueuedRuns: 0 });
    admission.enter("interactive", 1, never);
    admission.enter("background", 1, never);
    expect(() => admission.enter("interactive", 1, never)).toThrow("MAX_QUEUED_RUNS allows 0");
  });

  it("Lets interactive runs pass those in the background", async () => {
    const admission = new Admission({ ...limits, maxActiveRuns: 1 });
    const first = admission.enter("interactive", 1, never);
    const background = admission.enter("background", 1, never);
    const interactive = admission.enter("interactive", 1, never);
    first.release();
    expect(await admitted([background, interactive])).toEqual(["waits", true]);
  });

  it("Holds a run back while memory is short, and nothing passes it", async () => {
    const admission = new Admission(limits);
    const small = admission.enter("interactive", 60, never);
    const large = admission.enter("interactive", 50, never);
    const next = admission.enter("interactive", 10, never);
    expect(await admitted([small, large, next])).toEqual([true, "waits", "waits"]);
    small.release();
    expect(await admitted([large, next])).toEqual([true, true]);
  });

  it("Lets who gives up leave the queue", async () => {
    const admission = new Admission({ ...limits, maxActiveRuns: 1 });
    admission.enter("interactive", 1, never);
    const gone = new AbortController();
    const ticket = admission.enter("interactive", 1, gone.signal);
    gone.abort();
    expect(await ticket.admitted).toBe(false);
    expect(admission.queued).toBe(0);
  });
});
