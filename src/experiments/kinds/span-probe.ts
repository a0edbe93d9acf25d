import { setImmediate as turn } from "node:timers/promises";
import { baselineSchedule } from "../../engine/schedule.ts";
import { fitLogistic, predict } from "../../metrics/logistic-regression.ts";
import { foldsByText, type Split } from "../../metrics/split-by-text.ts";
import { standardise, standardOf } from "../../metrics/standardise.ts";
import { Problem } from "../../problem.ts";
import { refuse } from "../../runs/tokens.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import { chunksOf } from "../chunks.ts";
import type { Ask, Kind, Plan } from "../kind.ts";
import type { Lab, LabJob } from "../lab.ts";
import type { Study } from "../study.ts";
import { Rows } from "./rows.ts";
import { SpanFold, type SpanOutput } from "./span-fold.ts";
import { checkFolds, labelsOf, type SpanNotes } from "./span-labels.ts";
import { groupsOf, spanRow } from "./span-rows.ts";

type Settings = SettingsOf<"span-probe">;

/** One layer, and all rows. */
interface Input {
  /** −1: the embedding. */
  readonly layer: number;
  /** Of each row one text or two, as far as the span's last token. */
  readonly sequences: readonly (readonly Int32Array[])[];
  /** 0 or 1. */
  readonly labels: Uint8Array;
  readonly groups: Int32Array;
}

/** Numbers of all rows' streams at one layer, 4 bytes each; one fit is a moment's work on the server. */
const MAX_NUMBERS = 2 ** 22;
/** Texts that run beside each other. */
const TEXTS_AT_ONCE = 64;
/** Of the gradient: far below what an accuracy can show. */
const TOLERANCE = 1e-8;

/**
 * How well a linear probe tells the labels of spans (word in context and the like): L2 logistic regression on the residual
 * stream at the span's last token, after every layer, cross-validated by text. Columns are standardised on the training part
 * alone. Ours: of rows with two texts both streams side by side, or the size of their difference. Errors are clustered by
 * text; rows that share a text, directly or through others, are one cluster and stay in one fold.
 */
export const spanProbe: Kind<Settings, Input, SpanOutput> = {
  name: "span-probe",
  plan,
  jobs(study, { sequences }) {
    const longest = sequences.flat().reduce((most, each) => (each.length > most.length ? each : most));
    return [jobOf(longest, study.model.nLayers - 1)];
  },
  async compute(study, { layer, sequences, labels, groups }, lab) {
    const { x, width } = await featuresOf(study, layer, sequences, lab);
    const output = { correct: new Uint8Array(labels.length), losses: new Float64Array(labels.length), unconverged: 0 };
    for (const split of foldsByText(groups, study.settings.folds, study.seed)) {
      if (lab.signal.aborted) throw new Problem("cancelled", "The chunk was given up between two fits.");
      output.unconverged += fitFold({ x, width, labels }, split, study.settings.c, output);
      await turn();
    }
    return output;
  },
  fold: (study) => new SpanFold(study),
};

async function plan(ask: Ask<Settings>): Promise<Plan<Input>> {
  const { settings, model, seed } = ask;
  let pairs: boolean | null = null;
  const rows = await new Rows(ask).map((row) => {
    pairs ??= row.fields.text2 !== undefined;
    return spanRow(row, pairs);
  });
  const { labels, counts, values } = labelsOf(rows, settings.folds);
  const groups = groupsOf(rows);
  checkFolds(groups, values, settings.folds, seed);
  checkNumbers(rows.length, widthOf(ask, rows[0]?.sequences.length === 2));
  const sequences = rows.map((row) => row.sequences);
  return {
    chunks: Array.from({ length: model.nLayers + 1 }, (_, i) => ({
      units: 1,
      input: { layer: i - 1, sequences, labels: values, groups },
    })),
    notes: { labels, counts } satisfies SpanNotes,
    tokensPerText: null,
    texts: rows.length,
  };
}

function checkNumbers(rows: number, width: number): void {
  if (rows * width > MAX_NUMBERS)
    refuse(
      "/texts",
      `${rows} rows of ${width} numbers are ${rows * width} numbers a layer, more than the most allowed, ${MAX_NUMBERS}`,
    );
}

function widthOf({ settings, model }: Pick<Study<Settings>, "settings" | "model">, pairs: boolean): number {
  return model.dModel * (pairs && settings.pair === "concatenate" ? 2 : 1);
}

/** The untouched model as far as the layer, at the text's last token. */
function jobOf(tokens: Int32Array, layer: number): LabJob {
  return {
    tokens: [...tokens],
    schedules: [baselineSchedule(layer + 1)],
    baseline: null,
    capture: ["residuals"],
    captureBlocks: [layer],
    readout: {},
  };
}

interface Features {
  /** [rows, width] */
  readonly x: Float32Array;
  readonly width: number;
}

async function featuresOf(study: Study<Settings>, layer: number, rows: Input["sequences"], lab: Lab): Promise<Features> {
  const streams: Float32Array[] = [];
  for (const { items } of chunksOf(rows.flat(), TEXTS_AT_ONCE)) {
    const outputs = await lab.all(items, (tokens) => lab.run(jobOf(tokens, layer)));
    streams.push(...outputs.map(({ layers }) => layers.find(({ step }) => step === layer + 1)?.residual as Float32Array));
  }
  const pairs = rows[0]?.length === 2;
  const width = widthOf(study, pairs);
  const x = new Float32Array(rows.length * width);
  for (let row = 0; row < rows.length; row++) {
    const own = pairs ? streams.slice(2 * row, 2 * row + 2) : [streams[row] as Float32Array];
    x.set(pairs && study.settings.pair === "difference" ? apart(own) : joined(own, width), row * width);
  }
  return { x, width };
}

function joined(streams: readonly Float32Array[], width: number): Float32Array {
  const all = new Float32Array(width);
  for (const [i, stream] of streams.entries()) all.set(stream, i * stream.length);
  return all;
}

/** |a − b|, number by number. */
function apart([a, b]: readonly Float32Array[]): Float32Array {
  return (a as Float32Array).map((value, i) => Math.abs(value - (b?.[i] as number)));
}

/** Fits on the training rows and scores the others. 1: it did not converge. */
function fitFold(
  { x, width, labels }: Features & Pick<Input, "labels">,
  { train, test }: Split,
  C: number,
  scores: Pick<SpanOutput, "correct" | "losses">,
): number {
  const standard = standardOf(x, width, train);
  const trained = Uint8Array.from(train, (row) => labels[row] as number);
  const model = fitLogistic(standardise(x, standard, train), trained, { C, tolerance: TOLERANCE });
  const probabilities = predict(model, standardise(x, standard, test));
  for (const [i, row] of test.entries()) {
    const one = probabilities[i] as number;
    const right = labels[row] === 1 ? one : 1 - one;
    scores.correct[row] = right > 0.5 ? 1 : 0;
    scores.losses[row] = -Math.log(Math.max(right, Number.MIN_VALUE));
  }
  return model.converged ? 0 : 1;
}
