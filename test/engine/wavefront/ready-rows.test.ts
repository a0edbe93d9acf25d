/** The choice of the next call, on rows whose runs are no more than their priority and when they were served. */
import { expect, test } from "vitest";
import { PATIENCE_CALLS, PATIENCE_MS, type ReadyRow, ReadyRows } from "../../../src/engine/wavefront/ready-rows.ts";

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

const background = () => run(0, "background");
const many = (count: number, block: number, of = background()) => Array.from({ length: count }, () => row(block, of, 64));

test("background: of the blocks that fill a call the highest goes, with no more than that; else the lowest", () => {
  const queue = ready(...many(3, 0), ...many(13, 2), ...many(12, 5), ...many(11, 7));
  expect([0, 1, 2, 3, 4].map(() => queue.take(768, 0)).map((batch) => [batch?.block, batch?.rows.length])).toEqual([
    [5, 12],
    [2, 12],
    [0, 3],
    [2, 1],
    [7, 11],
  ]);
});

test("background: positions that nobody reads fill no call", () => {
  const ends = Array.from({ length: 12 }, () => row(5, background(), 64, [63]));
  expect(ready(...ends, ...many(1, 0)).take(768, 0)).toMatchObject({ block: 0 });
});

test("background: who was passed over for too many calls goes first, however long they took", () => {
  const queue = ready(...many(1, 0), ...many(12 * (PATIENCE_CALLS + 2), 5));
  const blocks = Array.from({ length: PATIENCE_CALLS + 3 }, (_, call) => queue.take(768, call * 10_000)?.block);
  expect(blocks.indexOf(0)).toBe(PATIENCE_CALLS + 1);
});

test("background rows that go along with interactive ones at most double the call", () => {
  const along = (length: number, count: number) =>
    ready(row(5, run(), 64), ...Array.from({ length: count }, () => row(5, background(), length))).take(768, 0)?.rows.length;
  expect(along(64, 20)).toBe(2);
  expect(along(16, 20)).toBe(3); // padded to the longest for a quarter of the work
  expect(along(65, 20)).toBe(1);
});

test("interactive rows are served before all of it", () => {
  const queue = ready(...many(12, 5), row(3), row(7));
  expect([0, 1, 2].map(() => queue.take(768, 0)?.block)).toEqual([3, 7, 5]);
});
