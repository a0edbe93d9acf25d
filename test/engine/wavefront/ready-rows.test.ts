/** The choice of the next call, on rows whose runs are no more than their priority and when they were served. */
import { expect, test } from "vitest";
import { PATIENCE_MS, type ReadyRow, ReadyRows } from "../../../src/engine/wavefront/ready-rows.ts";

const run = (servedAt = 0, priority = "interactive") => ({ job: { priority }, servedAt });
const row = (block: number, of = run(), length = 8, live: readonly number[] | null = null) =>
  ({ run: of, use: { block }, length, live }) as unknown as ReadyRow;

function ready(...rows: ReadyRow[]): ReadyRows {
  const queue = new ReadyRows();
  for (const each of rows) queue.push(each);
  return queue;
}

test("the lowest block goes first, with every row that waits for it", () => {
  const queue = ready(row(3), row(1), row(2), row(1));
  expect([1, 2, 3].map(() => queue.take(768, 0)?.rows.length)).toEqual([2, 1, 1]);
  expect(queue.take(768, 0)).toBeNull();
});

test("rows beyond the budget are spread evenly; one row is always taken", () => {
  const queue = ready(...Array.from({ length: 13 }, () => row(0, run(), 64)));
  expect(queue.take(768, 0)?.rows).toHaveLength(7);
  expect(queue.take(768, 0)?.rows).toHaveLength(6);
  expect(ready(row(0, run(), 5000)).take(768, 0)?.rows).toHaveLength(1);
});

test("rows of which one position lives on are cheap: more of them share a call", () => {
  const queue = ready(...Array.from({ length: 23 }, () => row(0, run(), 64, [63])));
  expect(queue.take(768, 0)?.rows).toHaveLength(23);
});

test("background rows go when nothing interactive waits, or along with it", () => {
  const queue = ready(row(0, run(0, "background")), row(5), row(5, run(0, "background")));
  expect(queue.take(768, 0)).toMatchObject({ block: 5, rows: { length: 2 } });
  expect(queue.take(768, 0)).toMatchObject({ block: 0, rows: { length: 1 } });
});

test("a run that others' lower blocks have held up for too long goes first", () => {
  const hog = run(1000);
  const queue = ready(row(0, hog), row(4, run(1000 - PATIENCE_MS - 1)), row(4, hog));
  expect(queue.take(768, 1000)).toMatchObject({ block: 4, rows: { length: 2 } });
  expect(queue.take(768, 1000)).toMatchObject({ block: 0 });
});

test("what is dropped is not taken", () => {
  const gone = run();
  const queue = ready(row(0, gone), row(1), row(1, gone));
  queue.drop(gone as never);
  expect(queue.count).toBe(1);
  expect(queue.take(768, 0)).toMatchObject({ block: 1, rows: { length: 1 } });
});
