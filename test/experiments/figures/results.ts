/** Results with the shapes of real ones, for a model of any depth; the numbers are made up, seeded. */
import {
  type Cell,
  type ExperimentResult,
  MEAN_COLUMNS,
  QUANTILE_COLUMNS,
  type ResultRow,
} from "../../../src/experiments/result.ts";

export interface Shape {
  readonly id: string;
  readonly layers: number;
  readonly heads: number;
}

export const SMALL: Shape = { id: "prose-6m", layers: 12, heads: 6 };
export const MIDDLE: Shape = { id: "smollm2-135m-instruct-q4", layers: 30, heads: 9 };
export const LARGE: Shape = { id: "openai-community--gpt2-xl", layers: 48, heads: 25 };
export const TINY: Shape = { id: "tiny-gpt2", layers: 2, heads: 2 };

type Random = () => number;

/** In [0, 1). */
function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Numbers {
  readonly mean: number | null;
  readonly spread?: number;
  readonly quantiles?: boolean;
  readonly exact?: boolean;
}

function statistic(
  keys: Readonly<Record<string, Cell>>,
  name: string,
  { mean, spread = 0.8, quantiles = false, exact = false }: Numbers,
): ResultRow {
  const std = mean === null || exact ? null : Math.abs(mean) * spread;
  const quantile = (factor: number) => (mean === null ? null : mean * factor);
  return {
    ...keys,
    statistic: name,
    mean,
    std,
    sem: std === null ? null : std / 9,
    count: exact ? 1 : 8128,
    ...(quantiles
      ? { q05: quantile(0.01), q25: quantile(0.12), q50: quantile(0.45), q75: quantile(1.2), q95: quantile(3.1) }
      : {}),
  };
}

/** The four of figure 3, for a divergence of `kl` nats. */
function effects(keys: Readonly<Record<string, Cell>>, kl: number): ResultRow[] {
  const kept = Math.exp(-0.55 * Math.sqrt(kl));
  return [
    statistic(keys, "kl_nats", { mean: kl, quantiles: true }),
    statistic(keys, "top1_agreement", { mean: kept, spread: 0.3, quantiles: true }),
    statistic(keys, "entropy_change_bits", { mean: 0.6 * kl - 0.2, spread: 2 }),
    statistic(keys, "loss_change_nats", { mean: 0.8 * kl, spread: 2 }),
  ];
}

/** Large at both ends of the depth, the first by far the most. */
function bath(layer: number, layers: number, random: Random): number {
  const depth = layer / Math.max(1, layers - 1);
  return (0.06 + 6 * Math.exp(-14 * depth) + 0.8 * Math.exp(-9 * (1 - depth))) * (0.8 + 0.4 * random());
}

const each = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const depthOf = (layer: number, layers: number) => layer / Math.max(1, layers - 1);

type Rows = (shape: Shape, random: Random) => ResultRow[];

const ROWS: Readonly<Record<string, Rows>> = {
  "layer-interventions": ({ layers }, random) =>
    each(layers, (layer) => {
      const kl = bath(layer, layers, random);
      const swap = kl * (0.35 + 0.3 * random());
      if (layer === layers - 1) return effects({ operation: "delete", layer }, kl);
      return [
        ...effects({ operation: "delete", layer }, kl),
        ...effects({ operation: "swap", layer }, swap),
        statistic({ operation: "swap_minus_delete", layer }, "kl_nats", { mean: swap - kl, quantiles: true }),
        statistic({ operation: "swap_minus_delete", layer }, "top1_agreement", { mean: 0.04 }),
      ];
    }).flat(),
  "attention-locality": ({ layers, heads }, random) =>
    each(layers, (layer) =>
      [1, 2, 5, 16].flatMap((k) => {
        const level = (0.04 + 0.08 * Math.exp(-8 * (depthOf(layer, layers) - 0.2) ** 2)) * (5 / (k + 4));
        const rows = (head: number | null, value: number) => [
          statistic({ layer, head, k }, "per_cell", { mean: value }),
          statistic({ layer, head, k }, "total", { mean: Math.min(1, value * k) }),
          statistic({ layer, head, k }, "total_without_bos", { mean: Math.min(1, value * k * 0.9) }),
        ];
        return [...each(heads, (head) => rows(head, level * 2.2 * random())).flat(), ...rows(null, level)];
      }),
    ).flat(),
  "component-norms": ({ layers }, random) =>
    each(layers, (layer) => {
      const attn = 3 + 2 * random() + layer * 0.4;
      const mlp = 5 + 2 * random() + (layer / layers) ** 6 * 60;
      return [
        statistic({ layer }, "attn_out_norm", { mean: attn, quantiles: true }),
        statistic({ layer }, "mlp_out_norm", { mean: mlp, quantiles: true }),
        statistic({ layer }, "resid_post_norm", { mean: 40 + layer * 9, quantiles: true }),
        statistic({ layer }, "mean_of_ratios", { mean: attn / mlp, quantiles: true }),
        statistic({ layer }, "ratio_of_means", { mean: (attn / mlp) * 0.93, spread: 0 }),
      ];
    }).flat(),
  "logit-lens": ({ layers }, random) =>
    each(layers + 1, (i) => {
      const depth = i / layers;
      const entropy = 3 + 7 * (1 - depth ** 3) + random() * 0.3;
      return [
        statistic({ layer: i - 1 }, "kl_final_nats", {
          mean: i === layers ? 0 : 9 * (1 - depth ** 2) + 0.2 * random(),
          quantiles: true,
        }),
        statistic({ layer: i - 1 }, "entropy_bits", { mean: entropy, spread: 0.4, quantiles: true }),
      ];
    }).flat(),
  "neuron-census": ({ layers }, random) =>
    each(layers, (layer) => {
      const depth = depthOf(layer, layers);
      const counts = {
        prediction: Math.floor(97 * Math.exp(-40 * (depth - 0.86) ** 2) + random()),
        suppression: Math.floor(94 * depth ** 12),
        partition: Math.floor(20 + 14 * Math.sin(6 * depth) + 4 * random()),
      };
      return [
        ...Object.entries(counts).flatMap(([name, count]) => [
          statistic({ layer }, `${name}_count`, { mean: count, exact: true }),
          statistic({ layer }, `${name}_share`, { mean: count / 768, exact: true }),
        ]),
        statistic({ layer }, "kurtosis", { mean: 3 + 6 * depth ** 3 }),
      ];
    }).flat(),
  "subjoiner-heads": ({ layers, heads }, random) =>
    each(layers, (layer) =>
      each(heads, (head) => {
        const strong = (layer * 7 + head * 3) % 31 === 3 && depthOf(layer, layers) < 0.6;
        return [1, 2, 3].flatMap((offset) => {
          const single = 0.02 + 0.05 * random();
          const difference = strong ? 0.12 + 0.25 * random() : 0.02 * (random() - 0.5);
          return [
            statistic({ layer, head, offset }, "attention_multi", { mean: single + difference }),
            statistic({ layer, head, offset }, "attention_single", { mean: single }),
            statistic({ layer, head, offset }, "attention_difference", { mean: difference, spread: 0.9 }),
          ];
        });
      }).flat(),
    ).flat(),
  "suffix-probe": ({ layers }, random) => [
    ...["prediction", "suppression"].flatMap((population, which) =>
      each(32, (rank) =>
        statistic({ population, k: null, layer: layers - 1 - (rank % 3), neuron: 40 + 17 * rank + which }, "accuracy", {
          mean: 0.52 + 0.22 * Math.exp(-rank / 6) - 0.04 * which + 0.03 * random(),
          spread: 0.1,
        }),
      ),
    ),
    ...["prediction", "suppression", "both"].flatMap((population, which) =>
      each(32, (i) =>
        statistic({ population, k: i + 1, layer: null, neuron: null }, "accuracy", {
          mean: 0.72 + (0.12 + 0.03 * which) * (1 - Math.exp(-i / 7)) + 0.01 * random(),
          spread: 0.1,
        }),
      ),
    ),
    statistic({ population: "model", k: null, layer: null, neuron: null }, "accuracy", { mean: 0.873, spread: 0.1 }),
  ],
  cka: ({ layers }, random) =>
    each(layers + 1, (i) =>
      each(layers + 1, (j) => {
        const value = i === j ? 1 : Math.exp(-((Math.abs(i - j) / layers) ** 1.2) * (i < 3 || j < 3 ? 5 : 1.6)) - 0.02 * random();
        return statistic({ layer: i - 1, other_layer: j - 1 }, "cka", { mean: value, exact: true });
      }),
    ).flat(),
  "layer-importance": ({ layers }, random) => [
    ...each(layers, (layer) => {
      const influence = Math.min(1, 0.2 * bath(layer, layers, random) + 0.03);
      return [
        statistic({ layer, n: 1, component: null }, "block_influence", { mean: influence, spread: 0.3 }),
        statistic({ layer, n: 1, component: "attn" }, "block_influence", { mean: influence * 0.35, spread: 0.3 }),
        statistic({ layer, n: 1, component: "mlp" }, "block_influence", { mean: influence * 0.7, spread: 0.3 }),
      ];
    }).flat(),
    ...each(layers, (i) =>
      each(layers - i, (layer) =>
        statistic({ layer, n: i + 1, component: null }, "angular_distance", {
          mean: Math.min(0.7, 0.05 + 0.4 * ((i + 1) / layers) ** 0.7 + 0.2 * Math.exp(-3 * layer) + 0.02 * random()),
        }),
      ),
    ).flat(),
  ],
  "layer-repeat": ({ layers }, random) => each(layers, (layer) => effects({ layer }, 0.4 * bath(layer, layers, random))).flat(),
  "layer-schedules": ({ layers }, random) =>
    ["skip", "reverse", "shuffle", "parallel", "loop-parallel", "repeat-middle"].flatMap((operation, which) =>
      each(Math.floor((layers - 2) / 2) + 1, (start) =>
        effects({ operation, start }, (7 - which) * Math.exp((-4 * start) / layers - 0.1 * which) * (0.8 + 0.4 * random())),
      ).flat(),
    ),
  "head-importance": ({ layers, heads }, random) =>
    each(layers, (layer) =>
      each(heads, (head) =>
        effects({ layer, head }, 0.001 * Math.exp(5 * random() ** 3) * (1 + 3 * (layer === 0 ? 1 : 0))),
      ).flat(),
    ).flat(),
  variants: (_, random) =>
    [
      "delete.3",
      "swap.3",
      "no attention in the first half",
      "reverse 4–8",
      "no MLP in the last layer",
      "steer towards “ Paris”",
    ].flatMap((variant, i) => effects({ variant }, 0.02 * 4 ** (i * 0.8) * (0.8 + 0.4 * random()))),
  benchmark: ({ layers }, random) => [
    statistic({ operation: "baseline", layer: null }, "accuracy", { mean: 0.43, spread: 0.5 }),
    ...["delete", "swap", "repeat"].flatMap((operation, which) =>
      each(operation === "swap" ? layers - 1 : layers, (layer) =>
        statistic({ operation, layer }, "accuracy", {
          mean: 0.43 * Math.exp(-(0.5 - 0.13 * which) * Math.sqrt(bath(layer, layers, random))),
          spread: 0.5,
        }),
      ),
    ),
  ],
  "span-probe": ({ layers }, random) =>
    each(layers + 1, (i) =>
      statistic({ layer: i - 1 }, "accuracy", {
        mean: 0.55 + 0.3 * Math.sin((Math.PI * i) / layers / 1.3) + 0.02 * random(),
        spread: 0.3,
      }),
    ),
  stages: ({ layers }, random) =>
    each(layers, (layer) => {
      const depth = depthOf(layer, layers);
      return [
        statistic({ layer }, "delete_kl_nats", { mean: bath(layer, layers, random) }),
        statistic({ layer }, "local_attention_per_cell", { mean: 0.04 + 0.06 * Math.exp(-8 * (depth - 0.2) ** 2) }),
        statistic({ layer }, "attention_share", { mean: 0.5 - 0.3 * depth + 0.05 * random() }),
        statistic({ layer }, "kl_final_nats", { mean: 9 * (1 - depth ** 2) }),
        statistic({ layer }, "entropy_bits", { mean: 3 + 7 * (1 - depth ** 3) }),
        statistic({ layer }, "prediction_share", { mean: 0.12 * Math.exp(-40 * (depth - 0.86) ** 2), exact: true }),
        statistic({ layer }, "suppression_share", { mean: 0.12 * depth ** 12, exact: true }),
        statistic({ layer }, "mlp_out_norm", { mean: 5 + 60 * depth ** 6 }),
      ];
    }).flat(),
};

/** Every kind that has a figure. */
export const KINDS = Object.keys(ROWS);

const SETTINGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "attention-locality": { k: 5 },
  "logit-lens": { lens: "standard" },
  "neuron-census": { weights: "folded" },
  "suffix-probe": { suffix: "ing" },
};

function summaryOf(kind: string, { layers }: Shape): Readonly<Record<string, unknown>> {
  if (kind !== "stages") return {};
  const at = (part: number) => Math.max(0, Math.round(part * (layers - 1)));
  const boundaries = [0.2, 0.5, 0.85].map((part) => ({ after_layer: at(part), low: at(part - 0.06), high: at(part + 0.05) }));
  return { segmentation: { supported: true, p_value: 0.0041, explained: 0.82, boundaries } };
}

/** A result of one of KINDS. */
export function resultOf(kind: string, shape: Shape = SMALL, changes: Partial<ExperimentResult> = {}): ExperimentResult {
  const rows = (ROWS[kind] as Rows)(shape, seeded(kind.length * 7 + shape.layers));
  const statistics = [...MEAN_COLUMNS, ...QUANTILE_COLUMNS].map(({ name }) => name);
  const keys = Object.keys(rows[0] ?? {}).filter((name) => !statistics.includes(name));
  const types = keys.map((name) => ({
    name,
    type: rows.some((row) => typeof row[name] === "string") ? ("string" as const) : ("int" as const),
    description: name,
  }));
  const quantiles = rows.some((row) => "q05" in row) ? QUANTILE_COLUMNS : [];
  const columns = [...types, ...MEAN_COLUMNS, ...quantiles];
  return {
    id: `exp_${kind}`,
    kind,
    model: {
      id: shape.id,
      revision: "b".repeat(64),
      family: "gpt2",
      n_layers: shape.layers,
      d_model: 32 * shape.heads,
      n_heads: shape.heads,
      d_mlp: 768,
      vocab_size: 4096,
    },
    data: { dataset: "prose-heldout", sha256: "a".repeat(64), texts: 64 },
    tokens_per_text: 128,
    prepend_bos: true,
    bos: { prepended: true, by: "convention" },
    seed: 0,
    settings: SETTINGS[kind] ?? {},
    version: "0.1.0",
    summary: summaryOf(kind, shape),
    table: { columns, rows: rows.map((row) => Object.fromEntries(columns.map(({ name }) => [name, row[name] ?? null]))) },
    ...changes,
  };
}
