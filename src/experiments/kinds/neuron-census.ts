import { momentsOf } from "../../metrics/clustered-mean.ts";
import { refuse } from "../../runs/tokens.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import type { Ask, Fold, Kind, Plan } from "../kind.ts";
import {
  directionOf,
  directionsOf,
  meanActivations,
  type SignSource,
  signed,
  signNotes,
  signOf,
  signSource,
} from "../neurons.ts";
import { type Column, MEAN_COLUMNS, type ResultRow } from "../result.ts";
import type { Study } from "../study.ts";

type Settings = SettingsOf<"neuron-census">;

interface LayerInput {
  readonly layer: number;
}

/** Of every neuron of the layer. [d_mlp] each */
interface LayerOutput {
  readonly kurtosis: Float64Array;
  readonly skew: Float64Array;
  readonly variance: Float64Array;
  /** Mean activations; null: not measured. */
  readonly activation: Float32Array | null;
}

/** What the columns of a neuron say beside its layer and number. */
const NEURON_COLUMNS: readonly Column[] = [
  { name: "layer", type: "int", description: "" },
  { name: "neuron", type: "int", description: "" },
  {
    name: "kurtosis",
    type: "float",
    description: "of its cosines with the unembedding; a Gaussian has 3. null: they do not vary",
  },
];
/** In the place of the skew where signs are unknown: negating a neuron negates its skew. */
const ABSOLUTE_SKEW = "absolute_skew";
const SKEW_COLUMNS: Readonly<Record<SignSource, Column>> = {
  stored: { name: "skew", type: "float", description: "likewise" },
  measured: { name: "skew", type: "float", description: "likewise, as an active neuron writes; null: it was never active" },
  unknown: { name: ABSOLUTE_SKEW, type: "float", description: "its size: a gated neuron's sign is arbitrary" },
};
const CLASS_COLUMNS: readonly Column[] = [
  { name: "variance", type: "float", description: "of its cosines with the unembedding" },
  { name: "class", type: "string", description: "prediction, suppression, prediction_or_suppression, or null" },
  { name: "partition", type: "boolean", description: "its variance is above the bound" },
];
const ACTIVATION_COLUMN: Column = {
  name: "mean_activation",
  type: "float",
  description: "on the texts, its size: the neuron's sign is the one that makes it positive",
};

function neuronColumns(signs: SignSource): readonly Column[] {
  const activation = signs === "measured" ? [ACTIVATION_COLUMN] : [];
  return [...NEURON_COLUMNS, SKEW_COLUMNS[signs], ...CLASS_COLUMNS, ...activation];
}

/**
 * Of every layer how many neurons speak for few tokens, against few, or part the vocabulary (figure 6 right). With texts,
 * signs of a gated model's neurons are measured; models without gates have none to measure and take no texts.
 */
export const neuronCensus: Kind<Settings, LayerInput, LayerOutput> = {
  name: "neuron-census",
  plan,
  async compute(study, { layer }, lab) {
    const { kurtosis, skew, variance } = await lab.census({ layer, weights: study.settings.weights });
    return { kurtosis, skew, variance, activation: await meanActivations(study, layer, lab) };
  },
  fold: (study) => new CensusFold(study),
  tables: {
    neurons: {
      description: "Every neuron with its class.",
      has: () => true,
      columns: (study) => neuronColumns(signSource(study)),
      rows: (study, { input, output }) => neuronsOf(study, output).map((row) => ({ layer: input.layer, ...row })),
    },
  },
};

async function plan({ model, material }: Ask<Settings>): Promise<Plan<LayerInput>> {
  const chunks = Array.from({ length: model.nLayers }, (_, layer) => ({ units: 1, input: { layer } }));
  if (!material.isGiven) return { chunks, tokensPerText: null, texts: 0 };
  if (!model.gated)
    refuse(
      "/data",
      `the census of ${model.id} takes no texts: its MLPs have no gates, so the signs of its neurons are in the weights`,
    );
  const { tokens, tokensPerText, lengths } = await material.cut();
  return { chunks, tokensPerText, lengths, texts: tokens.length, notes: signNotes(model, tokens) };
}

function neuronsOf(study: Study<Settings>, { kurtosis, skew, variance, activation }: LayerOutput): ResultRow[] {
  const { kurtosis_above, variance_above } = study.settings;
  const signs = signSource(study);
  const known = (value: number) => (Number.isFinite(value) ? value : null);
  return Array.from(kurtosis, (_, neuron) => {
    const shape = { kurtosis: kurtosis[neuron] as number, skew: skew[neuron] as number };
    const active = activation?.[neuron] ?? null;
    return {
      neuron,
      kurtosis: known(shape.kurtosis),
      ...(signs === "unknown"
        ? { [ABSOLUTE_SKEW]: known(Math.abs(shape.skew)) }
        : { skew: signed(shape.skew, signOf(signs, active)) }),
      variance: known(variance[neuron] as number),
      class: directionOf(shape, signs, active, kurtosis_above),
      partition: (variance[neuron] as number) > variance_above,
      ...(signs === "measured" && { mean_activation: active === null ? null : Math.abs(active) }),
    };
  });
}

interface Layer {
  readonly layer: number;
  /** How many neurons, by class. */
  readonly counts: Readonly<Record<string, number>>;
  /** Rows of the shapes' means. */
  readonly shapes: readonly ResultRow[];
}

class CensusFold implements Fold<LayerInput, LayerOutput> {
  readonly #study: Study<Settings>;
  readonly #signs: SignSource;
  readonly #classes: readonly string[];
  readonly #layers: Layer[] = [];

  constructor(study: Study<Settings>) {
    this.#study = study;
    this.#signs = signSource(study);
    this.#classes = [...directionsOf(this.#signs), "partition"];
  }

  add(output: LayerOutput, { layer }: LayerInput): void {
    const neurons = neuronsOf(this.#study, output);
    const count = (name: string) =>
      neurons.filter((neuron) => (name === "partition" ? neuron.partition : neuron.class === name)).length;
    const counts = Object.fromEntries(this.#classes.map((name) => [name, count(name)]));
    const shapes = ["kurtosis", SKEW_COLUMNS[this.#signs].name, "variance"].map((statistic): ResultRow => {
      // A neuron whose cosines do not vary has neither kurtosis nor skew; one that was never active has no skew.
      const values = neurons.map((neuron) => neuron[statistic]).filter((value) => typeof value === "number");
      const { count, mean, m2 } = momentsOf(values);
      return { statistic, mean: count > 0 ? mean : null, std: count > 0 ? Math.sqrt(m2 / count) : null, sem: null, count };
    });
    this.#layers.push({ layer, counts, shapes });
  }

  progress(): readonly ResultRow[] {
    return this.#layers.flatMap(({ layer, counts }) =>
      this.#classes.map((name) => ({
        layer,
        statistic: `${name}_count`,
        mean: counts[name] as number,
        sem: null,
        count: this.#neurons,
      })),
    );
  }

  finish() {
    const byLayer = (name: string) => this.#layers.map(({ counts }) => counts[name] as number);
    const summary = {
      weights: this.#study.settings.weights,
      signs: this.#signs,
      ...Object.fromEntries(this.#classes.map((name) => [`${name}_count_by_layer`, byLayer(name)])),
      // Of d numbers a random direction's cosines have this much, whatever the neuron does.
      variance_of_a_random_direction: 1 / this.#study.model.dModel,
    };
    const columns = [{ name: "layer", type: "int", description: "" }, ...MEAN_COLUMNS] as const;
    return { summary, table: { columns, rows: this.#layers.flatMap((each) => this.#rows(each)) } };
  }

  get #neurons(): number {
    return this.#study.model.dMlp;
  }

  /** A count's and a share's `count` is the layer's neurons. */
  #rows({ layer, counts, shapes }: Layer): ResultRow[] {
    const row = (statistic: string, mean: number) => ({ layer, statistic, mean, std: null, sem: null, count: this.#neurons });
    return [
      ...this.#classes.flatMap((name) => [
        row(`${name}_count`, counts[name] as number),
        row(`${name}_share`, (counts[name] as number) / this.#neurons),
      ]),
      ...shapes.map((shape) => ({ layer, ...shape })),
    ];
  }
}
