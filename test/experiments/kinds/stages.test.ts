/** Table 1: signals are those of the other kinds, and parts are found where they were planted. */
import { afterAll, describe, expect, it } from "vitest";
import { TEXT_SIGNALS } from "../../../src/experiments/kinds/stage-signals.ts";
import { StagesFold } from "../../../src/experiments/kinds/stages-fold.ts";
import type { ExperimentResult, ResultRow } from "../../../src/experiments/result.ts";
import { pcg32 } from "../../../src/metrics/pcg32.ts";
import { segmentations } from "../../../src/metrics/segmentation.ts";
import type { ExperimentRequestInput } from "../../../src/schemas/experiments/request.ts";
import { meanOf, openLaboratory, refusalOf, rowsWith } from "../../support/experiments.ts";
import { CHECKPOINTS, readFixture } from "../../support/fixtures.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

/** What is looked at of `summary.segmentation`. */
interface Segmentation {
  supported: boolean;
  verdict: string;
  p_value: number | null;
  explained: number | null;
  explained_by_parts: (number | null)[];
  boundaries: { after_layer: number; low: number | null; high: number | null; evidence: unknown[] }[];
}
const segmentationOf = ({ summary }: Pick<ExperimentResult, "summary">) => summary.segmentation as Segmentation;

function requestOf(model: "gpt2" | "gpt2-hub" | "llama", settings = {}): ExperimentRequestInput {
  const tokens = readFixture(model).texts.map((text) => [...text]);
  return { kind: "stages", model, data: { tokens }, prepend_bos: true, settings };
}

describe("stages of the fixtures", () => {
  it("has the signals of the kinds that measure them, to the last bit", async () => {
    const request = requestOf("gpt2", { lens: "frozen-norm", k: 3, weights: "raw" });
    const result = await laboratory.run(request);
    const { data, prepend_bos } = request;
    const of = (kind: ExperimentRequestInput["kind"], settings: object, more: object = { data, prepend_bos }) =>
      laboratory.run({ kind, model: "gpt2", settings, ...more } as ExperimentRequestInput);
    const [interventions, locality, norms, lens, census] = [
      await of("layer-interventions", {}),
      await of("attention-locality", {}),
      await of("component-norms", {}),
      await of("logit-lens", { lens: "frozen-norm" }),
      await of("neuron-census", { weights: "raw" }, {}),
    ];
    const sources: [string, ExperimentResult, ResultRow][] = [
      ["deletion_kl_nats", interventions, { operation: "delete", statistic: "kl_nats" }],
      ["attention_per_cell", locality, { head: null, k: 3, statistic: "per_cell" }],
      ["attn_mlp_ratio", norms, { statistic: "mean_of_ratios" }],
      ["mlp_out_norm", norms, { statistic: "mlp_out_norm" }],
      ["lens_kl_nats", lens, { statistic: "kl_final_nats" }],
      ["lens_entropy_bits", lens, { statistic: "entropy_bits" }],
      ["prediction_share", census, { statistic: "prediction_share" }],
      ["suppression_share", census, { statistic: "suppression_share" }],
      ["partition_share", census, { statistic: "partition_share" }],
      ["kurtosis", census, { statistic: "kurtosis" }],
    ];
    expect(result.table.rows).toHaveLength(5 * sources.length);
    expect(result.table.rows.slice(0, 10).map(({ statistic }) => statistic)).toEqual(sources.map(([name]) => name));
    for (const [name, source, keys] of sources)
      for (let layer = 0; layer < 5; layer++) {
        const [expected] = rowsWith(source, { ...keys, layer });
        const [own] = rowsWith(result, { layer, statistic: name });
        for (const field of ["mean", "std", "sem", "count"]) expect(own?.[field], `${name} ${field}`).toBe(expected?.[field]);
      }
    expect(result.summary.lens).toBe("frozen-norm");
  });

  it("segments the signals of its own rows, and leaves out those that are the same in every layer", async () => {
    const result = await laboratory.run(requestOf("gpt2", { permutations: 100, resamples: 100 }));
    const { signals, signals_left_out } = result.summary as { signals: string[]; signals_left_out: unknown };
    expect(signals_left_out).toEqual(
      ["prediction_share", "suppression_share", "partition_share"].map((signal) => ({
        signal,
        reason: "is the same in every layer",
      })),
    );
    const measured = [0, 1, 2, 3, 4].map((layer) => signals.map((statistic) => meanOf(result, { layer, statistic })));
    const found = segmentations(measured, 6);
    const segmentation = segmentationOf(result);
    expect(segmentation.explained_by_parts).toEqual(found.map((each) => each?.explained ?? null));
    expect(segmentation.explained_by_parts[5]).toBeNull();
    expect(segmentation.explained).toBe(found[3]?.explained);
    expect(segmentation.boundaries.map(({ after_layer }) => after_layer + 1)).toEqual(found[3]?.boundaries);
    for (const { low, high, evidence } of segmentation.boundaries) {
      expect(low).toBeLessThanOrEqual(high as number);
      expect(evidence.length).toBeGreaterThan(1);
    }
    expect(segmentation.supported).toBe((segmentation.p_value as number) < 0.05);
  });

  it("says where there are too few layers", async () => {
    const result = await laboratory.run(requestOf("gpt2-hub"));
    expect(result.summary.segmentation).toMatchObject({
      supported: false,
      verdict: "not supported",
      reason: "3 layers cannot be divided into 4 parts",
      lens: "standard",
      p_value: null,
      explained: null,
      explained_by_parts: [0, expect.any(Number), expect.closeTo(1, 9), null, null, null],
      boundaries: [],
    });
  });

  it("measures the signs of a gated model's neurons on its first texts", async () => {
    const request = requestOf("llama");
    const { study } = await laboratory.plan(request);
    expect((study.notes.sign_texts as { tokens: unknown[] }).tokens).toHaveLength(5);
    const result = await laboratory.run(request);
    expect(rowsWith(result, { statistic: "prediction_share" })).toHaveLength(4);
  });

  it("gives the same bits again", async () => {
    const request = requestOf("llama", { permutations: 100, resamples: 100 });
    expect(await laboratory.outputs(request)).toEqual(await laboratory.outputs(request));
    const { id: _, ...first } = await laboratory.run(request);
    const { id: __, ...second } = await laboratory.run(request);
    expect(second).toEqual(first);
  });

  it("refuses more offsets than texts have", async () => {
    const refusal = await refusalOf(laboratory, { ...requestOf("gpt2", { k: 16 }), tokens_per_text: 8 });
    expect(refusal).toMatchObject({
      errors: [{ pointer: "/settings/k", detail: "16 tokens before are more than texts of 8 tokens have, 7" }],
    });
  });
});

describe("stages of planted signals", () => {
  const LAYERS = 16;
  const TEXTS = 24;

  /** A study of the fixtures' own, as if the model had more layers; every signal follows `level`, with noise of its own. */
  async function resultOf(level: (layer: number) => number, noise: number, settings = {}) {
    const { study } = await laboratory.plan(requestOf("gpt2", { permutations: 200, resamples: 200, ...settings }));
    const planted = { ...study, model: { ...study.model, nLayers: LAYERS } };
    const generator = pcg32(7);
    const random = () => generator.next() / 2 ** 32 - 0.5;
    const fold = new StagesFold(planted as never);
    const width = TEXT_SIGNALS.length;
    // Layers differ by themselves, texts beside that.
    const own = Array.from({ length: LAYERS * width }, () => noise * random());
    for (let text = 0; text < TEXTS; text++) {
      const signals = new Float64Array(LAYERS * width * 3);
      for (let at = 0; at < LAYERS * width; at++)
        signals.set([10, level(Math.floor(at / width)) + (own[at] as number) + 0.1 * noise * random(), 1], at * 3);
      fold.add({ signals }, { first: text, texts: [new Int32Array(24)] });
    }
    const shape = Float64Array.of(3, 3);
    for (let layer = 0; layer < LAYERS; layer++)
      fold.add({ census: { kurtosis: shape, skew: shape, variance: shape, activation: null } }, { layer });
    return fold.finish();
  }

  const planted = [2, 7, 12];
  const steps = (layer: number) => [0, 3, 1, 5][planted.filter((after) => layer > after).length] as number;

  it("finds four parts where they are, with their intervals", async () => {
    const segmentation = segmentationOf(await resultOf(steps, 1));
    expect(segmentation).toMatchObject({ supported: true, verdict: "supported" });
    expect(segmentation.p_value).toBeCloseTo(1 / 201, 12);
    expect(segmentation.explained).toBeGreaterThan(0.9);
    expect(segmentation.boundaries.map(({ after_layer }) => after_layer)).toEqual(planted);
    for (const { after_layer, low, high } of segmentation.boundaries) expect([low, high]).toEqual([after_layer, after_layer]);
  });

  it("says not supported where layers could stand in any order", async () => {
    const segmentation = segmentationOf(await resultOf(() => 0, 1));
    expect(segmentation).toMatchObject({ supported: false, verdict: "not supported" });
    expect(segmentation.p_value).toBeGreaterThan(0.05);
    expect(segmentation.boundaries).toHaveLength(3);
  });

  it("leaves out a signal with a gap", async () => {
    const { summary } = await resultOf((layer) => (layer === 3 ? Number.NaN : steps(layer)), 1);
    expect(summary.signals).toEqual([]);
    expect(summary.signals_left_out).toContainEqual({ signal: "mlp_out_norm", reason: "has no value in some layer" });
    expect(segmentationOf({ summary })).toMatchObject({ supported: false, explained: 0 });
  });

  it("divides into no more parts than asked", async () => {
    const { explained_by_parts } = segmentationOf(await resultOf(steps, 1, { max_parts: 4 }));
    expect(explained_by_parts).toHaveLength(4);
  });
});
