import { describe, expect, it } from "vitest";
import { experimentList } from "../../src/cli/render/experiment-list.ts";
import { textWidth } from "../../src/cli/render/text.ts";
import { makeView } from "../../src/cli/render/view.ts";
import type { Experiment } from "../../src/schemas/experiments/experiment.ts";

const MODEL = "smollm2-135m-instruct-q4";

const experiment = (more: Partial<Experiment>): Experiment =>
  ({
    ...{ id: "01m8s1ya2e00rxmmsm9jbq5v6k", kind: "layer-interventions", model: MODEL, state: "completed" },
    progress: { done: 60, total: 60, rate_per_second: null, eta_seconds: null },
    ...{ created_at: "2026-12-01T15:00:12.000Z", started_at: null, finished_at: null, error: null, reason: null },
    ...({ events: 3 } as Partial<Experiment>),
    ...more,
  }) as Experiment;

const two = [experiment({}), experiment({ kind: "cka", model: "prose-6m", state: "running" })];

describe("The list of experiments", () => {
  it("Shows names whole where there is room, and where it is piped", () => {
    for (const view of [makeView(120, false), makeView(60, false, false)]) {
      const [head, first, second] = experimentList(two, view);
      expect(head).toBe(` id${" ".repeat(25)}kind                model${" ".repeat(20)}state         done started`);
      expect(first).toBe(` 01m8s1ya2e00rxmmsm9jbq5v6k layer-interventions ${MODEL} completed 60 of 60 2026-12-01 15:00`);
      expect(second).toContain(` cka                 prose-6m${" ".repeat(16)} running `);
    }
  });

  it.each([
    [104, MODEL, "2026-12-01", "15:00"],
    [92, MODEL, "60 of 60", "2026"],
    [84, "smollm2-…truct-q4", "60 of 60", "2026"],
  ])("In %i columns lets the time go first, then the day, then the middle of names", (columns, model, there, gone) => {
    const lines = experimentList(two, makeView(columns, false));
    expect(lines[1]).toContain(` ${model} `);
    expect(lines[1]).toContain(there);
    expect(lines[1]).not.toContain(gone);
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(columns);
  });

  it("Says how to begin where there are none", () => {
    expect(experimentList([], makeView(80, false))).toEqual([
      "There are no experiments yet: stratascope experiment layer-interventions",
    ]);
  });
});
