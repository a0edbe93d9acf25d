/** A request, checked against its model: everything that can be refused is refused here, before a stream is opened. */
import type { DatasetSource } from "../datasets/datasets.ts";
import type { ReadoutSpec, RunJob, VectorSpec } from "../engine/protocol.ts";
import type { Site } from "../engine/schedule.ts";
import { compileVariants } from "../interventions/compile.ts";
import { normalForm } from "../interventions/normal-form.ts";
import { resolvePositions } from "../interventions/positions.ts";
import type { Resources, Vector } from "../interventions/resources.ts";
import { Problem } from "../problem.ts";
import { chatOf } from "../schemas/chat.ts";
import type { BosInfo, ChatInfo, MeanInfo, MetaEvent, RunModel, SourceInfo, Token } from "../schemas/events.ts";
import type { Variant } from "../schemas/normal-form.ts";
import { defaultCapture, type ReadoutRequest, type RunRequest } from "../schemas/run-request.ts";
import type { RunPlan } from "../schemas/runs.ts";
import { capturesOf } from "./captures.ts";
import { type CostEstimate, estimateCost } from "./cost.ts";
import { type CostLimits, checkFits, type PatternCapture } from "./fits.ts";
import { type MeanTexts, meanTexts } from "./mean-texts.ts";
import { readPrompt } from "./prompt.ts";
import { newRunId } from "./run-id.ts";
import type { ModelSource, ServedModel } from "./served-models.ts";
import { refuse, targetsOf, tokenAt } from "./tokens.ts";
import { wordsOf } from "./words.ts";

/** A vector of the job that is a mean, still to be found or computed. */
export interface MeanVector {
  /** Index in the job's `vectors`. */
  readonly index: number;
  readonly texts: MeanTexts;
  readonly block: number;
  readonly site: Site;
}

export interface PreparedRun {
  /** Its vectors that are means are empty: `means`. */
  readonly job: RunJob;
  readonly means: readonly MeanVector[];
  readonly model: ServedModel;
  readonly tokens: readonly Token[];
  readonly bos: BosInfo;
  /** What messages were made into; null: the prompt was none of a chat. */
  readonly chat: ChatInfo | null;
  readonly variants: readonly Variant[];
  /** Source prompts of patches, and texts that means are over, as `meta` tells them. */
  readonly sources: readonly SourceInfo[];
  readonly meanInfos: readonly MeanInfo[];
  /** Layers whose neurons are told; null: all. */
  readonly neuronLayers: ReadonlySet<number> | null;
  readonly estimate: CostEstimate;
  /** When the request arrived, on `performance.now()`'s clock. */
  readonly arrivedAt: number;
  readonly tokenizeMs: number;
}

export interface PrepareOptions {
  readonly models: ModelSource;
  readonly datasets: DatasetSource;
  readonly limits: CostLimits;
  readonly priority: RunJob["priority"];
  readonly arrivedAt: number;
}

/** Tokenizes, compiles and estimates. Throws the `Problem` with what keeps the run from being one. */
export async function prepareRun(
  request: RunRequest,
  { models, datasets, limits, priority, arrivedAt }: PrepareOptions,
): Promise<PreparedRun> {
  const model = await models.get(request.model);
  const before = performance.now();
  const given = { text: request.prompt, ids: request.tokens, chat: chatOf(request), prependBos: request.prepend_bos };
  const { tokens, bos, chat } = readPrompt(given, model, { text: "prompt", ids: "tokens" });
  const readout = readoutOf(request.readout, model, tokens.length);
  const shown = tokens.map((id, position) => tokenAt(id, position, model));
  const tokenizeMs = performance.now() - before;
  const { capture, neurons, neuronLayers } = capturesOf(request.capture ?? defaultCapture(request.readout), model);
  const texts = await meanTexts(request, model, datasets);
  const words = wordsOf(model, request.prepend_bos, texts);
  const { schedules, baseline, resources, normalise } = compileVariants(request, model, tokens.length, words);
  if (normalise !== null) checkReadInSource(readout, resources.sources[normalise]?.tokens.length ?? 0);
  const { vectors, sources } = resources;
  const job: RunJob = {
    ...{ id: newRunId(), model: model.id, revision: model.revision, tokens, schedules, baseline, readout, capture, priority },
    ...(neurons ? { neurons } : {}),
    ...(vectors.length > 0 ? { vectors: vectors.map(vectorSpec) } : {}),
    ...(sources.length > 0 ? { sources: sources.map((source) => ({ tokens: source.tokens })) } : {}),
    ...(normalise === null ? {} : { normalise }),
  };
  const estimate = estimateCost(model, job);
  checkFits(estimate, limits, patternCapture(request, tokens.length));
  return {
    job,
    means: meanVectors(resources),
    model,
    ...{ tokens: shown, bos, chat },
    variants: schedules.map((schedule) => normalForm(schedule, resources)),
    sources: sources.map(({ key, tokens: ids }) => ({
      hash: key,
      tokens: ids.map((id, position) => tokenAt(id, position, model)),
    })),
    meanInfos: [...new Map([...texts.values()].map((each) => [each.key, each])).values()].map(meanInfo),
    neuronLayers,
    estimate,
    arrivedAt,
    tokenizeMs,
  };
}

/** The capture that holds whole patterns, where there is one. */
function patternCapture({ capture }: RunRequest, tokens: number): PatternCapture | null {
  const at = (capture ?? []).findIndex((one) => one === "patterns" || one === "attention_locality");
  return at < 0 ? null : { pointer: `/capture/${at}`, tokens };
}

function vectorSpec(vector: Vector): VectorSpec {
  if (vector.kind === "direction") return { kind: "direction", toward: vector.toward, away: vector.away };
  const values = vector.kind === "values" ? vector.values : new Float32Array(0);
  return { kind: "values", key: vector.key, values };
}

function meanVectors({ vectors }: Resources): MeanVector[] {
  return vectors.flatMap((vector, index) =>
    vector.kind === "mean" ? [{ index, texts: vector.data as MeanTexts, block: vector.block, site: vector.site }] : [],
  );
}

function meanInfo({ key, dataset, tokens, tokensPerText }: MeanTexts): MeanInfo {
  return {
    hash: key,
    dataset: dataset?.name ?? null,
    sha256: dataset?.sha256 ?? null,
    texts: tokens.length,
    tokens: tokens.reduce((sum, { length }) => sum + length, 0),
    tokens_per_text: tokensPerText,
  };
}

/** Effects compare with the source at the positions read out. */
function checkReadInSource({ positions }: ReadoutSpec, length: number): void {
  const last = positions.at(-1) ?? 0;
  if (last >= length)
    refuse(
      "/readout/positions",
      `position ${last} is read out but does not exist in the source of the sweep, which has ${length} tokens: positions 0 to ${length - 1}`,
    );
}

/** What `meta` says; type and seq are the writer's. */
export function metaOf(
  run: PreparedRun,
  { device, precision }: Pick<RunModel, "device" | "precision">,
): Omit<MetaEvent, "type" | "seq"> {
  const { id, family, revision, nLayers, dModel, nHeads, dMlp, vocabSize } = run.model;
  return {
    schema_version: 1,
    run_id: run.job.id,
    model: {
      id,
      family,
      revision,
      n_layers: nLayers,
      d_model: dModel,
      n_heads: nHeads,
      d_mlp: dMlp,
      vocab_size: vocabSize,
      device,
      precision,
    },
    ...promptInfo(run),
    positions: [...run.job.readout.positions],
    variants: [...run.variants],
    ...(run.sources.length > 0 ? { sources: [...run.sources] } : {}),
    ...(run.meanInfos.length > 0 ? { means: [...run.meanInfos] } : {}),
  };
}

function promptInfo({ tokens, bos, chat }: PreparedRun): Pick<MetaEvent, "tokens" | "bos" | "chat"> {
  return { tokens: [...tokens], bos, ...(chat ? { chat } : {}) };
}

/** What `?dry_run=true` answers. */
export function planOf(run: PreparedRun): RunPlan {
  const { job, variants, sources, meanInfos, estimate } = run;
  return {
    model: job.model,
    ...promptInfo(run),
    positions: [...job.readout.positions],
    variants: [...variants],
    ...(sources.length > 0 ? { sources: [...sources] } : {}),
    ...(meanInfos.length > 0 ? { means: [...meanInfos] } : {}),
    cost: estimate.cost,
    memory_bytes: estimate.memoryBytes,
    event_bytes: estimate.logBytes,
    patterns: { memory_bytes: estimate.patterns.memoryBytes, event_bytes: estimate.patterns.logBytes },
  };
}

function readoutOf({ positions, layers, top_k, lens, targets }: ReadoutRequest, model: ServedModel, tokens: number): ReadoutSpec {
  return { positions: placesOf(positions, tokens), layers, topK: top_k, lens, targets: targetsOf(targets, model) };
}

function placesOf(positions: ReadoutRequest["positions"], tokens: number): number[] {
  if (positions === "last") return [tokens - 1];
  if (positions === "all") return Array.from({ length: tokens }, (_, position) => position);
  try {
    return resolvePositions(positions, tokens, "/readout/positions");
  } catch (error) {
    const first = error instanceof Problem ? error.errors?.[0] : undefined;
    if (first) refuse(first.pointer, first.detail);
    throw error;
  }
}
