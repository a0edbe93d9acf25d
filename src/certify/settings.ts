/** The same model under other settings of the engine: prompts remembered, weights held otherwise, on the CPU. */
import type { ModelSpec } from "../engine/model-spec.ts";
import type { ProcessOptions } from "../engine/options.ts";
import { Problem } from "../problem.ts";
import type { Operation } from "../schemas/operations.ts";
import { compareLayers, compareReadouts } from "./compare.ts";
import { wholeLogprobs, wholeReadout } from "./distribution.ts";
import { type Finding, Tally } from "./finding.ts";
import { finalOf, type Lab, type LabJob, layerOf, type Observed, range } from "./lab.ts";
import { variantsJob } from "./operations.ts";
import { type Prompts, spread } from "./prompts.ts";

/** Whole distributions are compared at so many positions. */
const POSITIONS = 2;

/** What one way of holding a model computes: numbers by name, with the width of their rows. */
export type Sample = ReadonlyMap<string, { readonly values: Float32Array; readonly width: number }>;

/** The stream at every step, and the distribution at the end, untouched and under some operations. */
export async function takeSample(lab: Lab, { main }: Prompts): Promise<Sample> {
  const { spec } = lab;
  const middle = Math.floor(spec.nLayers / 2);
  const variants: Record<string, Operation[]> = {
    deleted: [{ op: "delete", layers: [middle] }],
    "head silenced": [{ op: "ablate", component: "head", layers: [middle], heads: [0], with: "zero", positions: "all" }],
    "MLP halved": [{ op: "ablate", component: "mlp", layers: [0], with: { scale: 0.5 }, positions: "all" }],
  };
  const job = variantsJob(spec, main, variants);
  const streams = await lab.observe({ ...job, capture: ["residuals"] });
  const ends = await lab.observe({ ...job, readout: { ...wholeReadout(spec), positions: spread(main.length, POSITIONS) } });
  const sample = new Map<string, { values: Float32Array; width: number }>();
  for (const [variant, { name, steps }] of job.schedules.entries()) {
    for (const step of range(steps.length + 1)) {
      const values = layerOf(streams, step, variant)?.residual;
      if (values) sample.set(`${name}, step ${step}`, { values, width: spec.dModel });
    }
    sample.set(`${name}, end`, { values: wholeLogprobs(finalOf(ends, variant), spec), width: spec.vocabSize });
  }
  return sample;
}

/** Two samples of one model: the largest relative error of a position's stream or distribution. */
export function compareSamples(actual: Sample, expected: Sample, note: string | null): Finding {
  const tally = new Tally("relative");
  for (const [name, { values, width }] of expected) tally.compare(name, actual.get(name)?.values, values, width);
  return tally.finding(note);
}

/** Runs that a memory of prompts shortens: none asks for what only running shows. */
export async function takeMemorable(lab: Lab, { main, middle }: Prompts): Promise<Observed[]> {
  const last = lab.spec.nLayers - 1;
  const untouched: LabJob = { tokens: main, capture: ["norms"], readout: { layers: "all", topK: 16 } };
  const deleted = variantsJob(lab.spec, main, { deleted: [{ op: "delete", layers: [last] }] });
  const halved = variantsJob(lab.spec, main, {
    halved: [{ op: "ablate", component: "attn", layers: [last], with: { scale: 0.5 }, positions: "all" }],
  });
  const runs: Observed[] = [];
  for (const job of [
    untouched,
    { ...deleted, readout: { topK: 16 } },
    { ...halved, capture: ["norms"] },
    { tokens: middle },
  ] as const)
    runs.push(await lab.observe(job));
  return runs;
}

/** The same runs with a memory, when it is empty and when it is not, bit for bit. */
export async function compareMemory(lab: Lab, prompts: Prompts, expected: readonly Observed[]): Promise<Finding> {
  const tally = new Tally("exact");
  for (const time of ["first", "second"])
    for (const [index, actual] of (await takeMemorable(lab, prompts)).entries())
      compareObserved(tally, `run ${index + 1}, the ${time} time`, actual, expected[index] as Observed);
  const stats = await lab.stats(({ rememberedSteps }) => rememberedSteps > 0);
  if (!stats || stats.rememberedSteps === 0) throw new Problem("internal", "No step was ever remembered: nothing was tested.");
  return tally.finding(`${stats.rememberedSteps} steps remembered`);
}

function compareObserved(tally: Tally, where: string, actual: Observed, expected: Observed): void {
  for (const layer of expected.layers)
    for (const variant of layer.variants) compareLayers(tally, where, layerOf(actual, layer.step, variant), layer);
  for (const variant of expected.result.variants.keys())
    compareReadouts(tally, where, finalOf(actual, variant), finalOf(expected, variant));
  for (const [index, { klNats }] of expected.result.comparisons.entries())
    tally.compare(where, actual.result.comparisons[index]?.klNats, klNats);
}

/** A way to hold a model's weights on the CPU. */
export interface Holding {
  readonly name: string;
  readonly options: Pick<ProcessOptions, "weights" | "halfPrecision">;
  /** As the engine says what became of it. */
  readonly weights: "packed" | "mapped";
  readonly half: "kept" | "folded" | null;
}

/** Every way that there is for a checkpoint: half types kept or folded only where it has some. */
export function holdingsOf({ diskBytes, float32Bytes }: Pick<ModelSpec, "diskBytes" | "float32Bytes">): Holding[] {
  const hasHalf = diskBytes < float32Bytes;
  const folded = hasHalf ? ("folded" as const) : null;
  const fold = "fold" as const;
  return [
    {
      name: hasHalf ? "packed, half folded" : "packed",
      options: { weights: "packed", halfPrecision: fold },
      weights: "packed",
      half: folded,
    },
    {
      name: hasHalf ? "mapped, half folded" : "mapped",
      options: { weights: "mapped", halfPrecision: fold },
      weights: "mapped",
      half: folded,
    },
    ...(hasHalf
      ? [
          {
            name: "half kept",
            options: { weights: "mapped", halfPrecision: "keep" } as const,
            weights: "mapped" as const,
            half: "kept" as const,
          },
        ]
      : []),
  ];
}
