import { expect, it } from "vitest";
import { lazyList } from "../../src/datasets/lazy-list.ts";

it("A lazy list reads as an array of what was made", () => {
  const list = lazyList(4, (i) => i * i);
  expect(list.length).toBe(4);
  expect([list[0], list[3], list[4], list[-1], list.at(-1)]).toEqual([0, 9, undefined, undefined, 9]);
  expect([...list]).toEqual([0, 1, 4, 9]);
  expect(list.slice(1, 3)).toEqual([1, 4]);
  expect(list.map((value) => -value)).toEqual([-0, -1, -4, -9]);
  expect(list.filter((value) => value > 1)).toEqual([4, 9]);
  expect(list.indexOf(4)).toBe(2);
  expect(list.concat([1])).toEqual([0, 1, 4, 9, 1]);
  expect(Array.isArray(list)).toBe(true);
  expect(JSON.stringify(list)).toBe("[0,1,4,9]");
});

it("A lazy list makes only what is looked at", () => {
  const made: number[] = [];
  const list = lazyList(1_000_000, (i) => made.push(i));
  expect(list.slice(2, 4)).toHaveLength(2);
  expect(made).toEqual([2, 3]);
});

it("A lazy list cannot be changed", () => {
  const list = lazyList(1, () => "a") as string[];
  expect(() => list.push("b")).toThrow(TypeError);
  expect(() => {
    list[0] = "b";
  }).toThrow(TypeError);
  expect(() => {
    list.length = 0;
  }).toThrow(TypeError);
  expect([...list]).toEqual(["a"]);
});
