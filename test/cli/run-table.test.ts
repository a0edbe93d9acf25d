import { describe, expect, it } from "vitest";
import { align } from "../../src/cli/render/align.ts";
import { runTable } from "../../src/cli/render/run-table.ts";
import { doneLine, resultLines } from "../../src/cli/render/summary.ts";
import { textWidth } from "../../src/cli/render/text.ts";
import { makeView } from "../../src/cli/render/view.ts";
import type { LayerEvent } from "../../src/schemas/events.ts";
import { layerEvent, metaEvent, resultEvent, steps } from "./events.ts";

const deleted = metaEvent({ baseline: steps(0, 1, 2, 3), intervened: steps(0, 2, 3) });

describe("Two schedules side by side", () => {
  const pairs = (a: ReturnType<typeof steps>, b: ReturnType<typeof steps>) =>
    align(a, b).map((row) => [row.baseline, row.variant]);

  it("A deleted layer leaves a gap beside it", () => {
    expect(pairs(steps(0, 1, 2), steps(0, 2))).toEqual([
      [0, 0],
      [1, 1],
      [2, null],
      [3, 2],
    ]);
  });

  it("Swapped layers stand beside each other", () => {
    expect(pairs(steps(0, 1, 2, 3), steps(0, 2, 1, 3))).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
  });

  it("A repeated layer leaves a gap beside the baseline", () => {
    expect(pairs(steps(0, 1), steps(0, 0, 1)).filter(([one]) => one === null)).toHaveLength(1);
  });

  it("No step is lost, whatever the schedules", () => {
    const rows = align(steps(0, 1, 2, 3, 4), steps(4, 4, [1, 2], 0));
    expect(rows.flatMap((row) => row.baseline ?? [])).toEqual([0, 1, 2, 3, 4, 5]);
    expect(rows.flatMap((row) => row.variant ?? [])).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("The table of a run", () => {
  it("A line appears when both of its sides have arrived, in order", () => {
    const table = runTable(deleted, makeView(80, false));
    expect(table.add(layerEvent("baseline", 0, null))).toEqual([]);
    expect(table.add(layerEvent("intervened", 1, 0))).toEqual([]);
    expect(table.add(layerEvent("intervened", 0, null))).toHaveLength(1);
    expect(table.add(layerEvent("baseline", 1, 0))).toHaveLength(1);
    const [gap] = table.add(layerEvent("baseline", 2, 1));
    expect(gap).toMatch(/^ {5}1 ·room .* │ +not run$/);
  });

  it("A run that breaks off leaves what it had", () => {
    const table = runTable(deleted, makeView(80, false));
    table.add(layerEvent("baseline", 0, null));
    expect(table.rest()).toHaveLength(1);
    expect(table.rest()).toEqual([]);
  });

  for (const columns of [40, 60, 80, 100, 120, 200])
    it(`Fits ${columns} columns, with its cells under their headings`, () => {
      const table = runTable(deleted, makeView(columns, false));
      const lines = [
        ...table.head,
        ...table.add(layerEvent("baseline", 0, null)),
        ...table.add(layerEvent("intervened", 0, null, "界".repeat(20), 9)),
      ];
      for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(columns);
      const [rule, row] = lines.slice(-2) as [string, string];
      expect(textWidth(row.slice(0, row.indexOf("│")))).toBe(rule.indexOf("┼"));
    });

  it("A plain view has no colour codes; a coloured one marks a token that differs", () => {
    const line = (colour: boolean) => {
      const table = runTable(deleted, makeView(80, colour));
      table.add(layerEvent("baseline", 0, null));
      return table.add(layerEvent("intervened", 0, null, " night", 8)).join("");
    };
    expect(line(false)).not.toContain("\x1b");
    expect(line(true)).toContain("\x1b[33m·night");
  });

  it("What is the same on both sides is dim on the right, to the last digit", () => {
    const table = runTable(deleted, makeView(80, true));
    table.add(layerEvent("baseline", 0, null));
    const right = (line: string | undefined) => line?.split("│")[1] ?? "";
    const [same] = table.add(layerEvent("intervened", 0, null));
    expect(right(same)).not.toContain("\x1b[1m·room");
    expect(right(same)).toContain("·room");
    table.add(layerEvent("baseline", 1, 0));
    const other = layerEvent("intervened", 1, 0);
    const [apart] = table.add({ ...other, norms: other.norms?.map((one) => ({ ...one, resid_post: 1234.6 })) ?? [] });
    expect(right(apart)).toContain("\x1b[1m·room");
  });

  it("Tokens that are followed have a column where there is room, with probability and rank", () => {
    const event = (variant: string): LayerEvent => {
      const plain = layerEvent(variant, 0, null);
      const targets = [
        { id: 5, text: " Paris", logit: 1, logprob: Math.log(0.02), rank: 4315 },
        { id: 60, text: "", padding: true as const, logit: 1, logprob: Math.log(0.5), rank: 1 },
      ];
      return { ...plain, readout: plain.readout?.map((one) => ({ ...one, targets })) ?? [] };
    };
    const table = runTable(metaEvent({ baseline: steps(0) }), makeView(80, false), true, [" Paris", 60]);
    expect(table.head.at(-2)).toMatch(/^ layer predicts .* p bits {7}·Paris {9}\[60\] {2}attn {3}mlp/);
    expect(table.add(event("baseline"))[0]).toMatch(/ 25% 5\.13 {2}2\.0% {2}#4315 {3}50% {5}#1 /);
    const narrow = runTable(metaEvent({ baseline: steps(0), intervened: steps(0) }), makeView(60, false), true, [" Paris", 60]);
    expect(narrow.head.join("\n")).not.toContain("[60]");
  });

  it("A row of padding that is likelier than the token is marked, and the mark explained", () => {
    const table = runTable(metaEvent({ baseline: steps(0) }), makeView(80, false));
    expect(table.notes()).toEqual([]);
    const plain = layerEvent("baseline", 0, null);
    const [line] = table.add({
      ...plain,
      readout: plain.readout?.map((one) => ({ ...one, top_is_padding: true as const })) ?? [],
    });
    expect(line).toContain("·room⁺");
    expect(table.notes()).toEqual([" ⁺ a row of padding, which is no token, is likelier"]);
  });

  it("Says what its columns are, and of what the read-out is", () => {
    const { head } = runTable(deleted, makeView(100, false));
    expect(head.slice(0, 3)).toEqual([
      " tiny gpt2, 4 layers, 8 wide, float32 on cpu",
      " 5 tokens; what comes after position 4, “·the”",
      " p: probability; bits: entropy; attn, mlp: norms written",
    ]);
  });

  it("Alone, a baseline takes the whole width", () => {
    const table = runTable(metaEvent({ baseline: steps(0, 1) }), makeView(80, false));
    expect(table.add(layerEvent("baseline", 0, null))).toEqual([
      expect.stringMatching(/^ embed ·room .* 25% 5\.13 +– +– +1235$/),
    ]);
  });

  it("Ends with the time it took, and what of it was waiting", () => {
    const done = (total: number, engine: number) =>
      doneLine(
        { type: "done", seq: 9, run_id: "run-1", timing_ms: { queue: 1, tokenize: 1, engine, total } },
        makeView(80, false),
      );
    expect(done(120, 95)).toBe(" 120 ms in all, 95 ms of it in the engine");
    expect(done(9452, 315)).toBe(" 9.5 s in all: 9.1 s until the model was ready, 315 ms in the engine");
  });

  it("Ends with the comparison", () => {
    expect(resultLines(deleted, resultEvent, makeView(80, false))).toEqual([
      " KL(baseline ‖ intervened)  0.313 nats",
      " top token                  ✗ changed  ·room 25% → ·night 13%",
      " entropy                    5.00 → 6.50 bits (+1.50)",
    ]);
  });
});
