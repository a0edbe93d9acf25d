import { expect, it } from "vitest";
import { inTurns } from "../../src/experiments/turns.ts";

it("Long work leaves others their turn, and gives what it ends with", async () => {
  const order: string[] = [];
  function* work(): Generator<void, string> {
    for (const step of ["first", "second"]) {
      const until = performance.now() + 15;
      while (performance.now() < until);
      order.push(step);
      yield;
    }
    return "done";
  }
  setImmediate(() => order.push("another"));
  expect(await inTurns(work())).toBe("done");
  expect(order).toEqual(["first", "another", "second"]);
});
