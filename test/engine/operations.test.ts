/** Edits, captures, sources and attribution against the fixtures' tensors and against each other, on every family. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunJob } from "../../src/engine/protocol.ts";
import type { Edit, Schedule, Step } from "../../src/engine/schedule.ts";
import { layers, loadForTest, logprobsById, range, result, runJob, scheduleOf, type TestModel } from "../support/engine.ts";
import { CHECKPOINTS, FIXTURES, type Fixture, readFixture, TOKENS } from "../support/fixtures.ts";
import { relativeError } from "../support/reference.ts";

const TOLERANCE = 1e-4;

describe.each(FIXTURES)("%s", (name) => {
  let model: TestModel;
  let fixture: Fixture;
  let L: number;
  let text: number[];

  beforeAll(async () => {
    model = await loadForTest(`${CHECKPOINTS}/${name}`);
    fixture = readFixture(name);
    L = model.spec.nLayers;
    text = [...(fixture.texts[0] as number[])];
  });
  afterAll(() => model.close());

  /** The baseline with edits at one block. */
  const edited = (block: number, ...edits: Edit[]): Schedule =>
    scheduleOf(
      "edited",
      range(L).map((i): Step => [i === block ? { block, edits } : { block: i }]),
    );
  const finalLogprobs = (events: Awaited<ReturnType<typeof runJob>>, variant = 0) =>
    logprobsById(result(events).variants[variant]?.final as never, TOKENS);
  const at = (events: Awaited<ReturnType<typeof runJob>>, step: number, variant = 0) =>
    layers(events, variant).find((layer) => layer.step === step);
  const everything = { layers: "final", topK: TOKENS } as const;

  test("steering, and a neuron at zero: the reference's logits", async () => {
    const values = fixture.reference.values("steer.vector");
    const vectors = [{ kind: "values", key: "steer", values }] as const;
    const schedules = [
      edited(1, { site: "resid_post", scale: 1, add: [{ from: "vector", index: 0, times: 1 }] }),
      edited(1, { site: "mlp_act", neurons: [5], scale: 0 }),
    ];
    for (const index of [0, 1]) {
      const tokens = (fixture.texts[index] as number[]).slice(0, 12);
      const events = await runJob(model, { tokens, schedules, vectors, readout: everything });
      expect(relativeError(finalLogprobs(events, 0), fixture.logprobs("steer.1", index, 12))).toBeLessThan(TOLERANCE);
      expect(relativeError(finalLogprobs(events, 1), fixture.logprobs("neuron_zero.1.5", index, 12))).toBeLessThan(TOLERANCE);
    }
  });

  test("residuals, what components wrote, and neurons of every block", async () => {
    const { dMlp } = model.spec;
    const events = await runJob(model, {
      tokens: text,
      capture: ["residuals", "components", "neurons"],
      neurons: { top: 4, chosen: [{ block: 1, neurons: [0, 3] }] },
    });
    const steps = layers(events);
    for (const block of range(L)) {
      const after = steps[block + 1];
      expect(relativeError(steps[block]?.residual as Float32Array, fixture.reference.values(`resid_pre.${block}`))).toBeLessThan(
        TOLERANCE,
      );
      const [components] = after?.components ?? [];
      expect(relativeError(components?.attnOut as never, fixture.reference.values(`attn_out.${block}`))).toBeLessThan(TOLERANCE);
      expect(relativeError(components?.mlpOut as never, fixture.reference.values(`mlp_out.${block}`))).toBeLessThan(TOLERANCE);
      const activations = fixture.reference.values(`mlp_act.${block}`);
      const neurons = after?.neurons?.[0];
      if (!neurons) throw new Error("no neurons");
      const width = block === 1 ? 6 : 4;
      expect(neurons.ids).toHaveLength(24 * width);
      for (const position of range(24)) {
        const row = Array.from(activations.subarray(position * dMlp, (position + 1) * dMlp));
        const ids = Array.from(neurons.ids.subarray(position * width, (position + 1) * width));
        const values = neurons.values.subarray(position * width, (position + 1) * width);
        expect(
          relativeError(
            values,
            ids.map((id) => row[id] as number),
          ),
        ).toBeLessThan(TOLERANCE);
        if (block === 1) expect(ids.splice(0, 2)).toEqual([0, 3]);
        const least = Math.min(...ids.map((id) => Math.abs(row[id] as number)));
        expect(row.filter((value, id) => !ids.includes(id) && Math.abs(value) > least + 1e-4)).toEqual([]);
      }
    }
    expect(relativeError(steps[L]?.residual as Float32Array, fixture.reference.values("resid_final"))).toBeLessThan(TOLERANCE);
  });

  test("z and mlp_act of every block, at all positions and at some", async () => {
    const { dMlp, nHeads, blocks } = model.spec;
    const width = { z: nHeads * (blocks[0]?.attention.headDim as number), mlp_act: dMlp };
    const whole = await runJob(model, { tokens: text, capture: ["z", "mlp_act", "sums"] });
    const some = await runJob(model, { tokens: text, capture: ["z", "mlp_act"], readout: { positions: [3, 23] } });
    const apart = await runJob(model, {
      ...{ tokens: text, capture: ["z", "mlp_act", "residuals", "components"], capturePositions: [3, 23] },
      readout: { positions: [10], layers: "final" },
    });
    expect(result(apart).variants[0]?.final.followedIds).toHaveLength(1);
    const few = await runJob(model, { tokens: text, capture: ["z", "residuals", "norms"], captureBlocks: [1] });
    const told = layers(few).map(({ sites, residual, norms }) => [sites?.length, residual?.length, norms !== undefined]);
    expect(told.slice(0, 4)).toEqual([
      [undefined, 24 * model.spec.dModel, false],
      [undefined, undefined, true],
      [1, 24 * model.spec.dModel, true],
      [undefined, undefined, true],
    ]);
    for (const block of range(L)) {
      const { sites = [], sums = [] } = at(whole, block + 1) ?? {};
      expect(sites.map(({ site, values }) => [site, values.length])).toEqual([
        ["z", 24 * width.z],
        ["mlp_act", 24 * width.mlp_act],
      ]);
      expect(relativeError(sites[1]?.values as never, fixture.reference.values(`mlp_act.${block}`))).toBeLessThan(TOLERANCE);
      for (const [i, { site, values }] of sites.entries()) {
        const row = (position: number) => values.subarray(position * width[site], (position + 1) * width[site]);
        const sum = range(23).reduce(
          (total, p) => total.map((x, j) => x + (row(p + 1)[j] as number)),
          new Float64Array(width[site]),
        );
        expect(relativeError(sum, sums.find((one) => one.site === site)?.values as never)).toBeLessThan(1e-12);
        expect(at(some, block + 1)?.sites?.[i]).toMatchObject({ block, site });
        expect([...(at(apart, block + 1)?.sites?.[i]?.values ?? [])]).toEqual([...row(3), ...row(23)]);
        // The last block computes only what is read out, after the attention.
        expect(relativeError(at(some, block + 1)?.sites?.[i]?.values as never, [...row(3), ...row(23)])).toBeLessThan(1e-5);
      }
    }
  });

  test("without its heads a block's attention is its bias: each head's part is what its removal takes away", async () => {
    const block = 1;
    const heads = model.spec.nHeads;
    const schedules = [
      scheduleOf("baseline", range(L)),
      ...range(heads).map((head) => edited(block, { site: "z", head, scale: 0 })),
    ];
    const events = await runJob(model, { tokens: text, schedules, capture: ["head_norms", "components"] });
    const attnOut = (variant: number) => layers(events, variant)[block + 1]?.components?.[0]?.attnOut as Float32Array;
    const [norms] = layers(events, 0)[block + 1]?.headNorms ?? [];
    const d = model.spec.dModel;
    for (const head of range(heads)) {
      const parts = attnOut(0).map((value, i) => value - (attnOut(1 + head)[i] as number));
      const expected = text.map((_, position) => Math.hypot(...parts.subarray(position * d, (position + 1) * d)));
      const actual = text.map((_, position) => norms?.norms[position * heads + head] as number);
      expect(relativeError(actual, expected)).toBeLessThan(TOLERANCE);
    }
  });

  test("direct logit attribution: the parts sum to the logit, whatever was edited; heads sum to their attention", async () => {
    const targets = [5, 77, 210];
    const vectors = [{ kind: "direction", toward: 9, away: 30 }] as const;
    const add = [{ from: "vector", index: 0, times: 3 }] as const;
    const schedules = [
      scheduleOf("baseline", range(L)),
      edited(1, { site: "resid_post", scale: 0.5, add }, { site: "z", head: 0, scale: 0 }, { site: "mlp_out", scale: 2 }),
      edited(0, { site: "resid_pre", scale: 1, add, positions: [3, 4] }),
      scheduleOf("grouped", [[0, 1], 2, 2]),
      scheduleOf("halves", [[{ block: 0, component: "attn" }], [{ block: 1, component: "mlp" }]]),
      scheduleOf("nothing", []),
    ];
    const positions = [0, 4, 23];
    const events = await runJob(model, {
      tokens: text,
      schedules,
      vectors,
      capture: ["attribution"],
      readout: { targets, positions, topK: 1 },
    });
    const m = targets.length;
    for (const [variant, { final, attribution }] of result(events).variants.entries()) {
      if (!attribution) throw new Error("no attribution");
      expect(attribution.steps).toHaveLength(schedules[variant]?.steps.length as number);
      const sums = Array.from({ length: positions.length * m }, (_, i) => {
        let sum = (attribution.embedding[i] as number) + (attribution.bias[i % m] as number);
        for (const { blocks, edit } of attribution.steps) {
          sum += edit?.[i] ?? 0;
          for (const { attn, mlp } of blocks) sum += (attn?.[i] ?? 0) + (mlp?.[i] ?? 0);
        }
        return sum;
      });
      const logits = positions.flatMap((_, p) => targets.map((_, t) => final.followedLogits[p * (1 + m) + 1 + t] as number));
      expect(relativeError(sums, logits)).toBeLessThan(TOLERANCE);
    }
    const [baseline] = result(events).variants;
    for (const [block, { blocks }] of (baseline?.attribution?.steps ?? []).entries()) {
      const { attn, heads } = blocks[0] as (typeof blocks)[number];
      const H = model.spec.nHeads;
      const rest = Array.from(attn as Float32Array, (value, i) => {
        const position = Math.floor(i / m);
        return (
          value - range(H).reduce((sum, h) => sum + ((heads as Float32Array)[(position * H + h) * m + (i % m)] as number), 0)
        );
      });
      // What is left is the output projection's bias, which is the same at every position but for the norm's scale.
      if (!model.spec.blocks[block]?.attention.out.bias) for (const value of rest) expect(Math.abs(value)).toBeLessThan(1e-4);
      else expect(rest.some((value) => Math.abs(value) > 1e-4)).toBe(true);
    }
  });

  test("steering toward a token raises its logit; its direction is a unit vector", async () => {
    const steer = (index: number, times: number): Schedule =>
      edited(L - 1, { site: "resid_post", scale: 1, add: [{ from: "vector", index, times }] });
    const events = await runJob(model, {
      tokens: text,
      schedules: [scheduleOf("baseline", range(L)), steer(0, 4), steer(1, 4)],
      vectors: [
        { kind: "direction", toward: 42, away: null },
        { kind: "direction", toward: 42, away: 43 },
      ],
      capture: ["residuals"],
      readout: { targets: [42, 43], positions: [23], topK: 1 },
    });
    const [base, toward, apart] = result(events).variants.map(({ final }) => final.followedLogprobs);
    expect(toward?.[1]).toBeGreaterThan(base?.[1] as number);
    expect((apart?.[1] as number) - (apart?.[2] as number)).toBeGreaterThan((base?.[1] as number) - (base?.[2] as number));
    const at = (variant: number) => layers(events, variant).at(-1)?.residual as Float32Array;
    expect(Math.hypot(...at(1).map((value, i) => value - (at(0)[i] as number)))).toBeCloseTo(4, 3);
  });

  test("a scale in mean norms of the residual stream", async () => {
    const vectors = [{ kind: "direction", toward: 42, away: null }] as const;
    const add = [{ from: "vector", index: 0, times: 0.5, perResidual: true }] as const;
    const events = await runJob(model, {
      tokens: text,
      schedules: [scheduleOf("baseline", range(L)), edited(1, { site: "resid_post", scale: 1, add })],
      vectors,
      capture: ["residuals", "norms"],
    });
    const norms = layers(events, 0)[2]?.norms?.residPost as Float32Array;
    const mean = norms.subarray(1).reduce((sum, norm) => sum + norm, 0) / (norms.length - 1);
    const at = (variant: number) => layers(events, variant)[2]?.residual as Float32Array;
    const moved = at(1)
      .map((value, i) => value - (at(0)[i] as number))
      .subarray(0, model.spec.dModel);
    expect(Math.hypot(...moved)).toBeCloseTo(mean / 2, 3);
  });

  describe("patching", () => {
    const source = () => [...(fixture.texts[1] as number[])];
    const from = (site: Edit["site"], more: Partial<Edit> = {}): Edit => ({
      site,
      scale: 0,
      add: [{ from: "source", index: 0, times: 1 }],
      ...more,
    });
    const run = (schedules: readonly Schedule[], more: Partial<RunJob> = {}) =>
      runJob(model, { tokens: text, schedules, sources: [{ tokens: source() }], readout: everything, ...more });

    test("the whole stream of another prompt is that prompt, exactly, at any block and on either side of it", async () => {
      const other = await runJob(model, { tokens: source(), readout: everything });
      const schedules = range(L).flatMap((block) => [edited(block, from("resid_pre")), edited(block, from("resid_post"))]);
      const events = await run(schedules);
      for (const [variant] of schedules.entries()) expect(finalLogprobs(events, variant)).toStrictEqual(finalLogprobs(other));
    });

    test("every site patched from the same prompt changes nothing", async () => {
      const sites = (["resid_pre", "z", "attn_out", "mlp_act", "mlp_out", "resid_post"] as const).map((site) =>
        edited(1, from(site, site === "z" ? { head: 1 } : {})),
      );
      const events = await run([scheduleOf("baseline", range(L)), ...sites], { sources: [{ tokens: text }] });
      for (const [index] of sites.entries()) expect(finalLogprobs(events, index + 1)).toStrictEqual(finalLogprobs(events, 0));
    });

    test("a component at chosen positions is the other prompt's there, and its own elsewhere", async () => {
      const positions = [2, 7];
      const events = await run([scheduleOf("baseline", range(L)), edited(1, from("attn_out", { positions }))], {
        capture: ["components"],
      });
      const d = model.spec.dModel;
      const other = at(await runJob(model, { tokens: source(), capture: ["components"] }), 2)?.components?.[0]?.attnOut;
      const [own, patched] = [0, 1].map((variant) => at(events, 2, variant)?.components?.[0]?.attnOut as Float32Array);
      for (const position of range(24)) {
        const row = (values: Float32Array | null | undefined) => values?.subarray(position * d, (position + 1) * d);
        expect(row(patched)).toStrictEqual(row(positions.includes(position) ? other : own));
      }
    });

    test("effects: 0 for what changes nothing, 1 for the source's own stream, and they stream with the last layer", async () => {
      const schedules = [
        scheduleOf("baseline", range(L)),
        edited(0, from("resid_pre")),
        edited(0, from("resid_pre", { positions: [0] })), // both prompts begin with BOS
        edited(1, from("mlp_out", { positions: [23] })),
      ];
      for (const readLayers of ["all", "final"] as const) {
        const events = await run(schedules, {
          baseline: 0,
          normalise: 0,
          readout: { positions: [23], layers: readLayers, topK: 1, lens: "standard", targets: [3, 8] },
        });
        const { comparisons, source: readout, variants } = result(events);
        expect(comparisons.map(({ effect }) => effect?.[0])).toEqual([1, 0, expect.any(Number)]);
        const difference = (rows: { followedLogits: Float32Array } | undefined) =>
          (rows?.followedLogits[1] as number) - (rows?.followedLogits[2] as number);
        const [low, high, own] = [variants[0]?.final, readout, variants[3]?.final].map(difference) as [number, number, number];
        expect(comparisons[2]?.effect?.[0]).toBeCloseTo((own - low) / (high - low), 4);
        for (const variant of [1, 2, 3])
          expect(layers(events, variant).at(-1)?.effect).toStrictEqual(comparisons[variant - 1]?.effect);
        expect(layers(events, 0).every(({ effect }) => effect === undefined)).toBe(true);
      }
    });
  });

  test("sums of sites are what their values add up to, position 0 left out", async () => {
    const events = await runJob(model, {
      tokens: text,
      capture: ["sums"],
      readout: { positions: [0], topK: 1, layers: "final" },
    });
    const widths = { attn_out: model.spec.dModel, mlp_out: model.spec.dModel, mlp_act: model.spec.dMlp } as const;
    for (const step of range(L).map((block) => block + 1)) {
      const sums = at(events, step)?.sums;
      for (const [site, width] of Object.entries(widths)) {
        const values = fixture.reference.values(`${site}.${step - 1}`);
        const expected = range(width).map((i) => range(23).reduce((sum, t) => sum + (values[(t + 1) * width + i] as number), 0));
        const actual = sums?.find((one) => one.site === site)?.values as Float64Array;
        expect(relativeError(actual, expected)).toBeLessThan(TOLERANCE);
      }
    }
  });
});
