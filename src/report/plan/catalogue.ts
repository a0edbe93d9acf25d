/** What `stratascope paper` runs: every experiment of the paper and of those it builds on, in the report's order. */
import type { ExperimentKind } from "../../schemas/experiments/settings.ts";
import {
  baselineWork,
  benchmarkWork,
  headWork,
  interventionWork,
  lensWork,
  type ModelSizes,
  repeatWork,
  scheduleWork,
  signalWork,
  type TokenWork,
} from "./cost.ts";

export type Settings = Readonly<Record<string, unknown>>;

/** How many texts, and tokens of each. null: whole texts. */
export interface Size {
  readonly texts: number;
  readonly tokens: number | null;
  /** What else bounds the work. */
  readonly settings?: Settings;
}

/** One way to ask; where the service refuses it, the next one is tried. */
export interface Attempt {
  readonly settings?: Settings;
  /** Takes no texts. */
  readonly withoutTexts?: true;
  /** Only where the person names a data set: its rows may be more than texts. */
  readonly ofOwnData?: true;
  /** As good as the ones before: why those were refused is no matter. */
  readonly asGood?: true;
}

export interface PaperExperiment {
  /** Names its files. */
  readonly id: string;
  readonly kind: ExperimentKind;
  /** From the most wanted to the least that says anything. */
  readonly sizes: readonly [Size, ...Size[]];
  readonly work: (model: ModelSizes) => TokenWork;
  /** Tokens of all texts together, where they are not cut to one length. */
  readonly tokensOf?: (size: Size) => number;
  readonly attempts: readonly [Attempt, ...Attempt[]];
  /** The data set that it takes where none is named; absent: the usual one. */
  readonly data?: string;
}

const PLAIN: readonly [Attempt] = [{}];

/** Texts × tokens, each about half of the one before. */
const CUT = [size(64, 128), size(32, 128), size(32, 64), size(16, 64), size(8, 64)] as const;
/** For what costs more than everything else. */
const CUT_FURTHER = [...CUT, size(4, 64)] as const;
/** One vector a text: many texts say more than long ones. */
const MANY = [size(256, 128), size(256, 64), size(256, 32), size(128, 32)] as const;
const WHOLE = { texts: 256, tokens: null } as const;
/** Tokens of a context of 16 words, about, with BOS. */
const WORD_CONTEXT = 28;
/** Tokens of a passage of `last-word`, about. */
const PASSAGE = 64;
/** Tokens of the probe's contexts, and the one after. */
const PROBE_CONTEXT = 25;

export const PAPER_EXPERIMENTS: readonly PaperExperiment[] = [
  { id: "layer-interventions", kind: "layer-interventions", sizes: CUT, work: interventionWork, attempts: PLAIN },
  { id: "attention-locality", kind: "attention-locality", sizes: CUT, work: baselineWork, attempts: PLAIN },
  {
    id: "subjoiner-heads",
    kind: "subjoiner-heads",
    sizes: [words(512), words(256), words(128)],
    work: baselineWork,
    tokensOf: ({ settings }) => 2 * Number(settings?.max_words) * WORD_CONTEXT,
    // The authors' four; a large vocabulary has few such words.
    attempts: [wordsOf(4), wordsOf(3), wordsOf(2)],
  },
  { id: "component-norms", kind: "component-norms", sizes: CUT, work: baselineWork, attempts: PLAIN },
  { id: "logit-lens", kind: "logit-lens", sizes: CUT, work: lensWork, attempts: PLAIN },
  {
    id: "logit-lens-frozen-norm",
    kind: "logit-lens",
    sizes: CUT,
    work: lensWork,
    attempts: [{ settings: { lens: "frozen-norm" } }],
  },
  {
    id: "neuron-census",
    kind: "neuron-census",
    sizes: CUT,
    work: baselineWork,
    // Only gated models take texts: they tell the signs of their neurons.
    attempts: [{}, { withoutTexts: true, asGood: true }],
  },
  {
    id: "suffix-probe",
    kind: "suffix-probe",
    sizes: [examples(1000), examples(500), examples(250)],
    work: baselineWork,
    tokensOf: ({ settings }) => 2 * Number(settings?.max_examples) * PROBE_CONTEXT,
    attempts: PLAIN,
  },
  { id: "stages", kind: "stages", sizes: CUT, work: signalWork, attempts: PLAIN },
  { id: "layer-repeat", kind: "layer-repeat", sizes: CUT, work: repeatWork, attempts: PLAIN },
  { id: "layer-schedules", kind: "layer-schedules", sizes: CUT, work: scheduleWork, attempts: PLAIN },
  { id: "cka", kind: "cka", sizes: MANY, work: baselineWork, attempts: PLAIN },
  { id: "layer-importance", kind: "layer-importance", sizes: CUT, work: baselineWork, attempts: PLAIN },
  { id: "head-importance", kind: "head-importance", sizes: CUT_FURTHER, work: headWork, attempts: PLAIN },
  {
    id: "benchmark",
    kind: "benchmark",
    data: "last-word",
    sizes: [passages(200), passages(100), passages(40)],
    work: benchmarkWork,
    tokensOf: ({ texts }) => texts * PASSAGE,
    attempts: [
      { settings: { task: "multiple-choice" }, ofOwnData: true },
      { settings: { task: "last-word" }, asGood: true },
    ],
  },
  { id: "span-probe", kind: "span-probe", sizes: [WHOLE], work: baselineWork, attempts: PLAIN },
];

function size(texts: number, tokens: number): Size {
  return { texts, tokens };
}

function passages(texts: number): Size {
  return { texts, tokens: null };
}

function words(most: number): Size {
  return { ...WHOLE, settings: { max_words: most } };
}

function wordsOf(tokens: number): Attempt {
  return { settings: { tokens_per_word: tokens } };
}

function examples(most: number): Size {
  return { ...WHOLE, settings: { max_examples: most } };
}
