/** The signals of every layer that Table 1 puts together: what other kinds measure, on the same texts. */
import { type Moments, momentsOf } from "../../metrics/clustered-mean.ts";
import type { ServedModel } from "../../runs/served-models.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import type { Lab, LabJob } from "../lab.ts";
import { type Key, type MadeOfStatistics, observeTexts } from "../statistics.ts";
import type { Study } from "../study.ts";
import { attentionLocality } from "./attention-locality.ts";
import { componentNorms } from "./component-norms.ts";
import { layerInterventions } from "./layer-interventions.ts";
import { logitLens } from "./logit-lens.ts";
import { neuronCensus } from "./neuron-census.ts";

export type Settings = SettingsOf<"stages">;

interface Signal {
  readonly name: string;
  /** Of the kind that measures it. */
  readonly statistic: string;
  readonly keys: (layer: number, settings: Settings) => Key;
}

/** A kind, with the settings that it is asked with here. */
interface Source {
  jobs(study: Study<Settings>, tokens: readonly number[], model: ServedModel): readonly LabJob[];
  /** [text][layer · signals + signal] */
  moments(study: Study<Settings>, texts: readonly Int32Array[], lab: Lab): Promise<Moments[][]>;
  readonly signals: readonly Signal[];
}

const SOURCES: readonly Source[] = [
  source(layerInterventions, () => ({ operations: ["delete"] }), [
    { name: "deletion_kl_nats", statistic: "kl_nats", keys: (layer) => ({ operation: "delete", layer }) },
  ]),
  source(attentionLocality, ({ k }) => ({ k }), [
    { name: "attention_per_cell", statistic: "per_cell", keys: (layer, { k }) => ({ layer, head: null, k }) },
  ]),
  source(componentNorms, () => ({}), [
    { name: "attn_mlp_ratio", statistic: "mean_of_ratios", keys: (layer) => ({ layer }) },
    { name: "mlp_out_norm", statistic: "mlp_out_norm", keys: (layer) => ({ layer }) },
  ]),
  source(logitLens, ({ lens }) => ({ lens }), [
    { name: "lens_kl_nats", statistic: "kl_final_nats", keys: (layer) => ({ layer }) },
    { name: "lens_entropy_bits", statistic: "entropy_bits", keys: (layer) => ({ layer }) },
  ]),
];

/** Measured on texts, in the order of columns. */
export const TEXT_SIGNALS: readonly string[] = SOURCES.flatMap(({ signals }) => signals.map(({ name }) => name));

/** Of the weights alone: statistics of the census. */
export const CENSUS_SIGNALS = ["prediction_share", "suppression_share", "partition_share", "kurtosis"] as const;

/** The runs of a text. */
export function signalJobs(study: Study<Settings>, tokens: readonly number[], model: ServedModel): LabJob[] {
  return SOURCES.flatMap((each) => each.jobs(study, tokens, model));
}

/** Moments of every text: [text, layer, signal, (count, mean, m2)]. */
export async function textSignals(study: Study<Settings>, texts: readonly Int32Array[], lab: Lab): Promise<Float64Array> {
  const found = await lab.all(SOURCES, (each) => each.moments(study, texts, lab));
  const width = TEXT_SIGNALS.length;
  const { nLayers } = study.model;
  const moments = new Float64Array(texts.length * nLayers * width * 3);
  for (let text = 0; text < texts.length; text++) {
    let first = 0;
    for (const [at, { signals }] of SOURCES.entries()) {
      for (const [index, { count, mean, m2 }] of (found[at]?.[text] ?? []).entries()) {
        const layer = Math.floor(index / signals.length);
        moments.set([count, mean, m2], ((text * nLayers + layer) * width + first + (index % signals.length)) * 3);
      }
      first += signals.length;
    }
  }
  return moments;
}

/** The study of the layers' neurons, with what tells their signs. */
export function censusStudy(study: Study<Settings>): Parameters<typeof neuronCensus.fold>[0] {
  const { kurtosis_above, variance_above, weights } = study.settings;
  return { ...study, kind: neuronCensus.name, settings: { weights, kurtosis_above, variance_above } };
}

function source<S>({ name, spec }: MadeOfStatistics<S>, settings: (own: Settings) => S, signals: readonly Signal[]): Source {
  const studyOf = (study: Study<Settings>): Study<S> => ({ ...study, kind: name, settings: settings(study.settings) });
  return {
    signals,
    jobs: (study, tokens, model) => spec.jobs(studyOf(study), tokens, model),
    async moments(study, texts, lab) {
      const own = studyOf(study);
      const places = placesOf(spec.cells(own), spec.statistics, signals, study);
      const observed = await observeTexts(spec, own, texts, lab);
      return observed.map((values) => places.map((place) => momentsOf(values[place] ?? [])));
    },
  };
}

/** Where each signal of each layer stands among the values of a text. [layer · signals + signal] */
function placesOf(
  cells: readonly Key[],
  statistics: readonly string[],
  signals: readonly Signal[],
  { model, settings }: Study<Settings>,
): number[] {
  return Array.from({ length: model.nLayers }, (_, layer) => layer).flatMap((layer) =>
    signals.map(({ statistic, keys }) => {
      const wanted = Object.entries(keys(layer, settings));
      const cell = cells.findIndex((key) => wanted.every(([name, value]) => key[name] === value));
      return cell * statistics.length + statistics.indexOf(statistic);
    }),
  );
}
