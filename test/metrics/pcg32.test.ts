import { describe, expect, it } from "vitest";
import { pcg32, shuffled } from "../../src/metrics/pcg32.ts";

/** The first round that `pcg32-demo` of pcg-random.org prints (seed 42, stream 54), in its order. */
const BITS = [0xa15c02b7, 0x7b47f409, 0xba1d3330, 0x83d2f293, 0xbfa4784b, 0xcbed606e];
const COINS = "HHTTTHTHHHTHTTTHHHHHTTTHHHTHTHTHTTHTTTHHHHHHTTTTHHTTTTTHTTTTTTTHT";
const ROLLS = "3 4 1 1 2 2 3 2 4 3 2 4 3 3 5 2 3 1 3 1 5 1 4 1 5 6 4 6 6 2 6 3 3";
const CARDS =
  "Qd Ks 6d 3s 3d 4c 3h Td Kc 5c Jh Kd Jd As 4s 4h Ad Th Ac Jc 7s Qs " +
  "2s 7h Kh 2d 6c Ah 4d Qh 9h 6s 5s 2c 9c Ts 8d 9s 3c 8c Js 5d 2h 6h " +
  "7d 8s 9d 5h 8h Qc 7c Tc";

describe("PCG32", () => {
  it("Gives the published numbers, coins, rolls and cards", () => {
    const generator = pcg32(42);
    expect(BITS.map(() => generator.next())).toEqual(BITS);
    expect([...COINS].map(() => (generator.below(2) ? "H" : "T")).join("")).toBe(COINS);
    expect(
      ROLLS.split(" ")
        .map(() => generator.below(6) + 1)
        .join(" "),
    ).toBe(ROLLS);
    const deck = Array.from({ length: 52 }, (_, card) => `${"A23456789TJQK"[card >> 2]}${"hcds"[card & 3]}`);
    expect(shuffled(deck, generator).join(" ")).toBe(CARDS);
  });

  it("Shuffles without preference", () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const order = shuffled([0, 1, 2], pcg32(seed)).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
