/** A request, checked against its model: everything that can be refused is refused here, before a stream is opened. */
import type { CaptureName, ReadoutSpec, RunJob } from "../engine/protocol.ts";
import { compileVariants } from "../interventions/compile.ts";
import { normalForm } from "../interventions/normal-form.ts";
import { resolvePositions } from "../interventions/positions.ts";
import { Problem } from "../problem.ts";
import type { MetaEvent, RunModel, Token, Variant } from "../schemas/events.ts";
import type { ReadoutRequest, RunRequest } from "../schemas/run-request.ts";
import type { RunPlan } from "../schemas/runs.ts";
import { type CostEstimate, type CostLimits, checkFits, estimateCost } from "./cost.ts";
import { newRunId } from "./run-id.ts";
import type { ModelSource, ServedModel } from "./served-models.ts";
import { refuse, targetsOf, tokenAt, tokensOf } from "./tokens.ts";

export interface PreparedRun {
  readonly job: RunJob;
  readonly model: ServedModel;
  readonly tokens: readonly Token[];
  readonly variants: readonly Variant[];
  readonly estimate: CostEstimate;
  /** When the request arrived, on `performance.now()`'s clock. */
  readonly arrivedAt: number;
  readonly tokenizeMs: number;
}

export interface PrepareOptions {
  readonly models: ModelSource;
  readonly limits: CostLimits;
  readonly priority: RunJob["priority"];
  readonly arrivedAt: number;
}

/** Tokenizes, compiles and estimates. Throws the `Problem` with what keeps the run from being one. */
export async function prepareRun(
  request: RunRequest,
  { models, limits, priority, arrivedAt }: PrepareOptions,
): Promise<PreparedRun> {
  const model = await models.get(request.model);
  const before = performance.now();
  const tokens = tokensOf({ text: request.prompt, ids: request.tokens, prependBos: request.prepend_bos }, model, {
    text: "prompt",
    ids: "tokens",
  });
  const readout = readoutOf(request.readout, model, tokens.length);
  const shown = tokens.map((id, position) => tokenAt(id, position, model));
  const tokenizeMs = performance.now() - before;
  const capture: readonly CaptureName[] = [...new Set(request.capture)];
  const { schedules, baseline } = compileVariants(request, model, tokens.length);
  const estimate = estimateCost(model, schedules, tokens.length, readout, capture);
  checkFits(estimate, limits);
  return {
    job: { id: newRunId(), model: model.id, tokens, schedules, baseline, readout, capture, priority },
    model,
    tokens: shown,
    variants: schedules.map(normalForm),
    estimate,
    arrivedAt,
    tokenizeMs,
  };
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
    tokens: [...run.tokens],
    positions: [...run.job.readout.positions],
    variants: [...run.variants],
  };
}

/** What `?dry_run=true` answers. */
export function planOf({ job, tokens, variants, estimate }: PreparedRun): RunPlan {
  return {
    model: job.model,
    tokens: [...tokens],
    positions: [...job.readout.positions],
    variants: [...variants],
    cost: estimate.cost,
    memory_bytes: estimate.memoryBytes,
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
