import { describe, expect, test } from "vitest";
import { type RotaryTable, setting } from "../../../src/engine/architectures/architecture.ts";
import { ConfigReader } from "../../../src/engine/checkpoint/config.ts";
import type { JsonObject } from "../../../src/engine/checkpoint/files.ts";
import { readRotary } from "../../../src/engine/checkpoint/rotary.ts";

const table: RotaryTable = {
  fraction: setting(["rope_parameters.partial_rotary_factor", "partial_rotary_factor"], 1),
  theta: setting(["rope_parameters.rope_theta", "rope_theta"], 10000),
  scaling: ["rope_parameters", "rope_scaling"],
};

function read(config: JsonObject, headDim = 8) {
  const problems: string[] = [];
  const rotary = readRotary(new ConfigReader(config, problems), table, headDim, problems);
  return { ...rotary, problems };
}

test("frequencies are theta^(−2i / dims), whichever way the settings are spelled", () => {
  const expected = { dims: 4, inverseFrequencies: [1, 1e-2], problems: [] };
  expect(read({ partial_rotary_factor: 0.5, rope_theta: 1e4 })).toEqual(expected);
  expect(read({ rope_parameters: { partial_rotary_factor: 0.5, rope_theta: 1e4, rope_type: "default" } })).toEqual(expected);
  expect(read({}).dims).toBe(8);
});

describe("llama3 scaling", () => {
  const figures = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 32 };

  test("keeps short waves, slows long ones, and blends those between", () => {
    const plain = read({ rope_theta: 500000 }, 12).inverseFrequencies;
    const scaled = read({ rope_theta: 500000, rope_scaling: { rope_type: "llama3", ...figures } }, 12).inverseFrequencies;
    expect(scaled[0]).toBe(plain[0]); // turns 32 / 2π = 5.1 times in the first context: above 4
    expect(scaled[5]).toBe((plain[5] as number) / 8);
    const between = read({ rope_theta: 4, rope_scaling: { type: "llama3", ...figures } }, 4).inverseFrequencies[1] as number; // 0.5 radians
    const kept = ((32 * 0.5) / (2 * Math.PI) - 1) / 3;
    expect(between).toBeCloseTo((1 - kept) * (0.5 / 8) + kept * 0.5, 12);
  });

  test("needs all its figures", () => {
    expect(read({ rope_scaling: { rope_type: "llama3", ...figures, factor: "8" } }).problems).toEqual([
      'config.json: rope_scaling.factor is "8"; a number above 0 is expected',
    ]);
  });
});

test("what is not implemented is refused by name", () => {
  expect(read({ rope_parameters: { rope_type: "yarn" } }).problems).toEqual([
    'config.json: rope_parameters.rope_type "yarn" is not supported; only default or llama3 is',
  ]);
  expect(read({ rope_scaling: 4 }).problems).toEqual(["config.json: rope_scaling is 4; an object is expected"]);
  expect(read({ partial_rotary_factor: 0.4 }).problems).toEqual([
    "config.json: 3 of a head's 8 dimensions are rotary; an even number from 2 to 65536 is expected",
  ]);
});
