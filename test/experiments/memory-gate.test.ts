import { describe, expect, it } from "vitest";
import { MemoryGate } from "../../src/experiments/memory-gate.ts";

const signal = new AbortController().signal;
/** Whether a promise has settled by now. */
const settled = async (promise: Promise<unknown>) =>
  Promise.race([promise.then(() => true), new Promise((resolve) => setTimeout(() => resolve(false), 5))]);

describe("MemoryGate", () => {
  it("lets in what fits, and the next one when there is room", async () => {
    const gate = new MemoryGate(100);
    const leave = await gate.enter(60, signal);
    const second = gate.enter(60, signal);
    expect(await settled(second)).toBe(false);
    leave();
    expect(await settled(second)).toBe(true);
  });

  it("keeps the order of asking: a small one does not pass a large one by", async () => {
    const gate = new MemoryGate(100);
    const leave = await gate.enter(60, signal);
    const large = gate.enter(90, signal);
    const small = gate.enter(10, signal);
    expect(await settled(small)).toBe(false);
    leave();
    expect(await settled(large)).toBe(true);
    expect(await settled(small)).toBe(true);
  });

  it("lets in alone what is larger than all", async () => {
    const gate = new MemoryGate(100);
    const leave = await gate.enter(1000, signal);
    const next = gate.enter(1, signal);
    expect(await settled(next)).toBe(false);
    leave();
    leave(); // twice counts once
    expect(await settled(next)).toBe(true);
    expect(await settled(gate.enter(100, signal))).toBe(false);
  });

  it("gives up the wait with the signal, and lets in who stood behind", async () => {
    const gate = new MemoryGate(100);
    await gate.enter(60, signal);
    const controller = new AbortController();
    const given = gate.enter(90, controller.signal);
    const behind = gate.enter(40, signal);
    controller.abort();
    await expect(given).rejects.toMatchObject({ code: "cancelled" });
    expect(await settled(behind)).toBe(true);
    await expect(gate.enter(1, controller.signal)).rejects.toMatchObject({ code: "cancelled" });
  });
});
