/** What is read out, against what its own numbers add up to in float64. */
import type { Operation } from "../schemas/operations.ts";
import type { Check } from "./check.ts";
import { entropyBits, klNats, rowsOf, sumOf, wholeLogprobs, wholeReadout } from "./distribution.ts";
import { type Finding, Tally } from "./finding.ts";
import { finalOf, type LabJob, layerOf, type Observed, type Observer, range } from "./lab.ts";
import { variantsJob } from "./operations.ts";
import { type Prompts, spread } from "./prompts.ts";

/** Whole vocabularies are read at so many positions. */
const POSITIONS = 3;
const MOST_BLOCKS = 4;
const TARGETS = 5;

/** Of float32 log-probabilities: each is rounded by itself, and nothing else is lost. */
const MASS = 1e-6;

/** Smaller values are compared as if they were this large: what is left of larger terms that cancel. */
const LEAST_KL_NATS = 0.01;
const LEAST_BITS = 0.01;

export const readoutChecks: readonly Check[] = [
  {
    group: "read-out",
    name: "probabilities sum to 1",
    run: async ({ lab, prompts }) => {
      const tally = new Tally("absolute", MASS);
      for (const { step, rows } of distributions(lab, await everyLayer(lab, prompts.main)))
        for (const row of rows) tally.compare(`after step ${step}`, [sumOf(row, Math.exp)], [1]);
      return tally.finding();
    },
  },
  {
    group: "read-out",
    name: "entropy = −Σ p log₂ p",
    run: async ({ lab, prompts }) => {
      const tally = new Tally("relative");
      for (const { step, rows, told } of distributions(lab, await everyLayer(lab, prompts.main)))
        for (const [index, row] of rows.entries())
          tally.error(`after step ${step}`, near(told[index], entropyBits(row), LEAST_BITS));
      return tally.finding(`of ${LEAST_BITS} bit at least`);
    },
  },
  ...(["random ids", "natural text"] as const).flatMap((kind): Check[] => [
    {
      group: "read-out",
      name: `KL from the last layer, ${kind}`,
      run: ({ lab, prompts }) => compareLayers(lab, tokensOf(prompts, kind)),
    },
    ...(["all", "final"] as const).map(
      (layers): Check => ({
        group: "read-out",
        name: `KL from the baseline, ${kind}, layers ${layers}`,
        run: ({ lab, prompts }) => compareVariants(lab, tokensOf(prompts, kind), layers),
      }),
    ),
  ]),
  {
    group: "read-out",
    name: "direct attributions sum to the logit",
    run: async ({ lab, prompts: { main } }) => {
      const tally = new Tally("relative");
      const targets = spread(lab.spec.tokenCount, TARGETS);
      const variants: Record<string, Operation[]> = {
        halved: [{ op: "ablate", component: "mlp", layers: [0], with: { scale: 0.5 }, positions: "all" }],
        ...(lab.spec.nLayers > 1 && { parallel: [{ op: "parallel", layers: [0, 1], times: 1 }] }),
      };
      const job = variantsJob(lab.spec, main, variants);
      const observed = await lab.observe({ ...job, capture: ["attribution"], readout: { targets } });
      for (const [variant, { name }] of job.schedules.entries()) {
        const { sums, logits } = attributed(observed, variant, targets.length);
        tally.compare(name, sums, logits);
      }
      return tally.finding();
    },
  },
  {
    group: "read-out",
    name: "components add up to the stream",
    run: async ({ lab, prompts: { main } }) => {
      const tally = new Tally("relative");
      const observed = await lab.observe({ tokens: main, capture: ["residuals", "components"] });
      for (const block of range(lab.spec.nLayers)) {
        const after = layerOf(observed, block + 1);
        const [parts] = after?.components ?? [];
        const sum = layerOf(observed, block)?.residual?.map(
          (value, i) => value + (parts?.attnOut?.[i] ?? Number.NaN) + (parts?.mlpOut?.[i] ?? Number.NaN),
        );
        tally.compare(`layer ${block}`, sum, after?.residual, lab.spec.dModel);
      }
      return tally.finding();
    },
  },
  {
    group: "read-out",
    name: "attention is causal, and sums to 1",
    run: async ({ lab, prompts: { main } }) => {
      const tally = new Tally("absolute");
      const T = main.length;
      const { layers } = await lab.observe({ tokens: main, capture: ["patterns"], readout: { positions: [T - 1] } });
      for (const { block, weights } of layers.flatMap(({ patterns = [] }) => patterns))
        for (const [index, row] of rowsOf(weights, T).entries()) {
          const query = index % T;
          tally.compare(`layer ${block}`, [sumOf(row.subarray(0, query + 1), (weight) => weight)], [1]);
          tally.compare(`layer ${block}`, row.subarray(query + 1), new Float32Array(T - query - 1));
        }
      return tally.finding();
    },
  },
];

function tokensOf({ main, natural }: Prompts, kind: "random ids" | "natural text"): readonly number[] {
  return kind === "random ids" ? main : natural;
}

/** The whole vocabulary at some positions. */
function whole({ spec }: Observer, tokens: readonly number[]): LabJob["readout"] {
  return { ...wholeReadout(spec), positions: spread(tokens.length, POSITIONS) };
}

function everyLayer(lab: Observer, tokens: readonly number[]): Promise<Observed> {
  return lab.observe({ tokens, readout: { ...whole(lab, tokens), layers: "all" } });
}

/** Of every layer KL(last ‖ layer), against the sum over what both tell of the whole vocabulary. */
async function compareLayers(lab: Observer, tokens: readonly number[]): Promise<Finding> {
  const tally = new Tally("relative");
  const observed = await everyLayer(lab, tokens);
  const last = rowsOf(wholeLogprobs(finalOf(observed), lab.spec), lab.spec.vocabSize);
  const divergences = new Map(observed.result.variants[0]?.layers.map((layer) => [layer.step, layer.klFinalNats]));
  for (const { step, rows } of distributions(lab, observed))
    for (const [index, q] of rows.entries())
      tally.error(
        `after step ${step}`,
        near(divergences.get(step)?.[index], klNats(last[index] as Float32Array, q), LEAST_KL_NATS),
      );
  return tally.finding(`of ${LEAST_KL_NATS} nats at least`);
}

/** Of some deletions KL(baseline ‖ variant), likewise. */
async function compareVariants(lab: Observer, tokens: readonly number[], layers: "all" | "final"): Promise<Finding> {
  const tally = new Tally("relative");
  const { vocabSize, nLayers } = lab.spec;
  const variants = Object.fromEntries(
    spread(nLayers, MOST_BLOCKS).map((i): [string, Operation[]] => [`delete.${i}`, [{ op: "delete", layers: [i] }]]),
  );
  const observed = await lab.observe({
    ...variantsJob(lab.spec, tokens, variants),
    readout: { ...whole(lab, tokens), layers },
  });
  const rows = (variant: number) => rowsOf(wholeLogprobs(finalOf(observed, variant), lab.spec), vocabSize);
  const baseline = rows(0);
  for (const comparison of observed.result.comparisons)
    for (const [index, q] of rows(comparison.variant).entries())
      tally.error(
        Object.keys(variants)[comparison.variant - 1] ?? "",
        near(comparison.klNats[index], klNats(baseline[index] as Float32Array, q), LEAST_KL_NATS),
      );
  return tally.finding(`of ${LEAST_KL_NATS} nats at least`);
}

/** What each step of a run predicts, [V] log-probabilities a position. */
function distributions({ spec }: Observer, { layers }: Observed) {
  return layers.flatMap(({ step, readout }) =>
    readout ? [{ step, told: readout.entropyBits, rows: rowsOf(wholeLogprobs(readout, spec), spec.vocabSize) }] : [],
  );
}

/** |a − b| / max(b, least) */
function near(actual: number | undefined, expected: number, least: number): number {
  return Math.abs((actual ?? Number.NaN) - expected) / Math.max(expected, least);
}

/** What the parts of a variant wrote towards each target, all together, and its logits. [P · m] each */
function attributed({ result }: Observed, variant: number, m: number): { sums: number[]; logits: number[] } {
  const { attribution, final } = result.variants[variant] ?? {};
  if (!attribution || !final) return { sums: [], logits: [Number.NaN] };
  const sums = Array.from(attribution.embedding, (value, i) => {
    let sum = value + (attribution.bias[i % m] as number);
    for (const { blocks, edit } of attribution.steps) {
      sum += edit?.[i] ?? 0;
      for (const { attn, mlp } of blocks) sum += (attn?.[i] ?? 0) + (mlp?.[i] ?? 0);
    }
    return sum;
  });
  // The first that is followed is the prompt's next token.
  const logits = Array.from(final.followedLogits).filter((_, i) => i % (1 + m) > 0);
  return { sums, logits };
}
