import { describe, expect, it } from "vitest";
import type { LayerEvent, RunJob } from "../../src/engine/protocol.ts";
import { baselineSchedule, type Edit } from "../../src/engine/schedule.ts";
import { estimateCost } from "../../src/runs/cost.ts";
import { EventWriter } from "../../src/runs/events.ts";
import { checkFits } from "../../src/runs/fits.ts";
import { eventsOf } from "../support/scripted-engine.ts";

const model = { nLayers: 3, dModel: 64, nHeads: 4, dMlp: 256, vocabSize: 320 };
const tokens = Array.from({ length: 16 }, (_, i) => i);

function jobOf(more: Partial<RunJob> = {}): RunJob {
  return {
    ...{ id: "job", model: "tiny", tokens, schedules: [baselineSchedule(3)], baseline: 0, capture: [], priority: "interactive" },
    readout: { positions: tokens, layers: "final", topK: 1, lens: "standard", targets: [1, 2] },
    ...more,
  };
}

const edited = (edit: Edit): RunJob["schedules"] => [
  baselineSchedule(3),
  { name: "edited", steps: [[{ block: 0, edits: [edit] }], [{ block: 1 }], [{ block: 2 }]] },
];

/** As large as the capture makes it, with numbers of the usual length. */
function captured(name: RunJob["capture"][number]): Partial<LayerEvent> {
  const noise = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i + 1) * 12.345678);
  switch (name) {
    case "head_norms":
      return { headNorms: [{ block: 1, norms: noise(16 * 4) }] };
    case "neurons":
      return { neurons: [{ block: 1, ids: Int32Array.from({ length: 16 * 10 }, (_, i) => i), values: noise(16 * 10) }] };
    case "residuals":
      return { residual: noise(16 * 64) };
    case "components":
      return { components: [{ block: 1, attnOut: noise(16 * 64), mlpOut: noise(16 * 64) }] };
    default:
      return {};
  }
}

describe("estimateCost", () => {
  it.each(["head_norms", "neurons", "residuals", "components"] as const)("Foresees the text of %s", (name) => {
    const job = jobOf({ capture: [name], ...(name === "neurons" ? { neurons: { top: 10, chosen: [] } } : {}) });
    const writer = new EventWriter(job, { tokenJson: (id) => `"id":${id},"text":"token"`, tokenCount: 320 });
    const bytes = eventsOf(job).reduce((sum, event) => {
      if (event.type !== "layer") return sum;
      return sum + [...writer.layer({ ...event, ...captured(name) })].reduce((all, { json }) => all + json.length, 0);
    }, 0);
    const { logBytes } = estimateCost(model, job);
    expect(bytes).toBeGreaterThan(4000);
    expect(logBytes).toBeGreaterThan(bytes);
    expect(logBytes).toBeLessThan(4 * bytes);
  });

  it("Counts the runs of sources, and that of the prompt itself where mean norms are", () => {
    const patch: Edit = { site: "attn_out", scale: 0, add: [{ from: "source", index: 0, times: 1 }] };
    const sources = [{ tokens: tokens.slice(0, 8) }];
    const plain = estimateCost(model, jobOf({ schedules: edited({ site: "attn_out", scale: 0 }) }));
    const patched = estimateCost(model, jobOf({ schedules: edited(patch), sources }));
    expect(patched.cost).toMatchObject({ rows: plain.cost.rows + 1, row_blocks: plain.cost.row_blocks + 3 });
    expect(patched.memoryBytes - plain.memoryBytes).toBe(8 * 64 * 4 * 2 + 8 * 64 * 4);
    const steer: Edit = { site: "resid_post", scale: 1, add: [{ from: "vector", index: 0, times: 1, perResidual: true }] };
    expect(estimateCost(model, jobOf({ schedules: edited(steer) })).cost.rows).toBe(3);
  });

  it("Is refused with both numbers", () => {
    const estimate = estimateCost(model, jobOf({ capture: ["residuals"] }));
    const limits = { maxRunMemoryBytes: 2 ** 30, maxRunLogBytes: 2000 };
    expect(() => checkFits(estimate, limits)).toThrow(
      `The run's events would be about ${estimate.logBytes} bytes of text; MAX_RUN_LOG_BYTES allows 2000.`,
    );
    expect(() => checkFits(estimate, { ...limits, maxRunMemoryBytes: 1000 })).toThrow(
      `The run would hold about ${estimate.memoryBytes} bytes beside the model; MAX_RUN_MEMORY_BYTES allows 1000.`,
    );
  });

  it("Says what patterns take, by the square of the prompt; what shows none takes nothing", () => {
    const of = (length: number, more: Partial<RunJob> = {}) =>
      estimateCost(model, { ...jobOf(more), tokens: Array(length).fill(1) });
    expect(of(2048).patterns).toEqual({ memoryBytes: 0, logBytes: 0 });
    expect(of(2048, { capture: ["attention_locality"] }).patterns).toEqual({ memoryBytes: 9 * 4 * 2048 ** 2 * 4, logBytes: 0 });
    const shown = of(2048, { capture: ["patterns"] });
    // Three layers and the embedding's step, each with a number of at most 12 characters a weight.
    expect(shown.patterns).toEqual({ memoryBytes: 9 * 4 * 2048 ** 2 * 4, logBytes: 4 * 4 * 2048 ** 2 * 12 });
    expect(shown.memoryBytes - of(2048).memoryBytes).toBe(shown.patterns.memoryBytes);
    expect(of(2048, { cells: [{ query: 3, key: 1 }] }).patterns.memoryBytes).toBe(shown.patterns.memoryBytes);
  });

  it("Without patterns grows with the prompt, not with its square", () => {
    const of = (length: number) => {
      const positions = [length - 1];
      return estimateCost(model, { ...jobOf(), tokens: Array(length).fill(1), readout: { ...jobOf().readout, positions } });
    };
    expect(of(4096).memoryBytes / of(1024).memoryBytes).toBeLessThan(4.1);
  });

  it("Patterns that would not fit are refused by their name, with both numbers", () => {
    const { patterns, ...estimate } = estimateCost(model, { ...jobOf({ capture: ["patterns"] }), tokens: Array(512).fill(1) });
    const limits = { maxRunMemoryBytes: 2 ** 30, maxRunLogBytes: 2 ** 30 };
    const capture = { pointer: "/capture/1", tokens: 512 };
    const refusal = (more: Partial<typeof limits>) => {
      try {
        checkFits({ ...estimate, patterns }, { ...limits, ...more }, capture);
      } catch (error) {
        return error;
      }
    };
    expect(refusal({})).toBeUndefined();
    const memory = `attention patterns of 512 tokens would take about 37748736 bytes of the ${estimate.memoryBytes} that the run would hold beside the model; MAX_RUN_MEMORY_BYTES allows 20000000`;
    expect(refusal({ maxRunMemoryBytes: 20_000_000 })).toMatchObject({
      code: "run_too_large",
      message: memory,
      errors: [{ pointer: "/capture/1", detail: memory }],
    });
    const text = `attention patterns of 512 tokens would be about 50331648 of the ${estimate.logBytes} bytes of text that the run's events would have; MAX_RUN_LOG_BYTES allows 10000000`;
    expect(refusal({ maxRunLogBytes: 10_000_000 })).toMatchObject({ errors: [{ pointer: "/capture/1", detail: text }] });
    // Too large whatever it shows: not the patterns' fault.
    expect(refusal({ maxRunMemoryBytes: 1000 })).toMatchObject({ errors: undefined });
  });
});
