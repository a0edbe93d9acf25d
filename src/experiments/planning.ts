/** From a request to a study and its chunks: everything that can be refused is refused here, before anything is stored. */
import { createHash } from "node:crypto";
import type { Dataset, DatasetSource } from "../datasets/datasets.ts";
import { Problem } from "../problem.ts";
import { checkFits } from "../runs/fits.ts";
import type { ModelSource, ServedModel } from "../runs/served-models.ts";
import { refuse } from "../runs/tokens.ts";
import { ABOUT_KINDS } from "../schemas/experiments/kinds.ts";
import type { ExperimentRequest } from "../schemas/experiments/request.ts";
import { jobBytes } from "./captured.ts";
import type { AnyKind, Plan, PlannedChunk } from "./kind.ts";
import { kindOf } from "./kinds/index.ts";
import { fullJob } from "./lab.ts";
import type { Lengths } from "./lengths.ts";
import { Material } from "./material.ts";
import { pack } from "./pack.ts";
import type { Study, StudyModel } from "./study.ts";
import { VERSION } from "./version.ts";

export interface PlanningParts {
  readonly models: ModelSource;
  readonly datasets: DatasetSource;
  readonly maxRunMemoryBytes: number;
}

export interface PlannedExperiment {
  readonly study: Study;
  /** Units of all chunks. */
  readonly total: number;
  /** Packed chunks: `{ units, input }`. */
  readonly inputs: readonly Uint8Array[];
}

/** Finds the model and the texts, asks the kind for its plan, and checks that the largest run fits. Throws `Problem`. */
export async function planExperiment(request: ExperimentRequest, parts: PlanningParts): Promise<PlannedExperiment> {
  const served = await parts.models.get(request.model);
  const kind = kindOf(request.kind);
  const { settings, seed } = request;
  if (request.prepend_bos && served.tokenizer.bosId === null)
    refuse("/prepend_bos", `the model ${served.id} has no BOS token, so prepend_bos cannot be true`);
  const prependBos = request.prepend_bos ?? served.tokenizer.bosId !== null;
  const dataset = request.data?.dataset === undefined ? null : await named(request.data.dataset, parts.datasets);
  const material = new Material({ request, model: served, dataset, prependBos });
  if (ABOUT_KINDS[request.kind].texts.length === "whole") material.refuseCuts();
  const plan = await kind.plan({ settings, model: served, material, prependBos, seed, datasets: parts.datasets });
  checkUsed(request, plan);
  const study: Study = {
    kind: kind.name,
    model: studyModel(served),
    settings,
    data: plan.texts === 0 ? null : { ...material.identity, texts: plan.texts, ...ownLengths(plan) },
    tokensPerText: plan.tokensPerText,
    prependBos,
    bosBy: request.prepend_bos === undefined ? "convention" : "request",
    seed,
    version: VERSION,
    notes: plan.notes ?? {},
  };
  checkMemory(kind, study, plan.chunks, served, parts.maxRunMemoryBytes);
  return {
    study,
    total: plan.chunks.reduce((sum, { units }) => sum + units, 0),
    inputs: plan.chunks.map(({ units, input }) => pack({ units, input })),
  };
}

/** Of the request as it was checked: what an idempotency key stands for. */
export function requestHash(request: ExperimentRequest): string {
  return createHash("sha256").update(canonical(request)).digest("hex");
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** Of texts that have no length in common. */
function ownLengths({ tokensPerText, lengths }: Plan<unknown>): { readonly tokens?: Lengths } {
  return tokensPerText === null && lengths ? { tokens: lengths } : {};
}

/** Refuses what was asked of texts where there are none. */
function checkUsed({ kind, texts, tokens_per_text, short_texts }: ExperimentRequest, plan: Plan<unknown>): void {
  if (plan.texts > 0) return;
  const said = { texts, tokens_per_text, short_texts: short_texts === "error" ? undefined : short_texts };
  for (const [field, value] of Object.entries(said))
    if (value !== undefined) refuse(`/${field}`, `no texts were given: ${kind} is of the weights alone`);
}

function checkMemory(
  kind: AnyKind,
  study: Study,
  chunks: readonly PlannedChunk<unknown>[],
  model: ServedModel,
  maxRunMemoryBytes: number,
): void {
  const [first, ...others] = chunks;
  if (!first || !kind.jobs) return;
  const largest = others.reduce((most, chunk) => ((chunk.longest ?? 0) > (most.longest ?? 0) ? chunk : most), first);
  for (const job of kind.jobs(study, largest.input, model))
    checkFits({ memoryBytes: jobBytes(model, fullJob(model, job)), logBytes: 0 }, { maxRunMemoryBytes, maxRunLogBytes: 0 });
}

async function named(name: string, datasets: DatasetSource): Promise<Dataset> {
  try {
    return await datasets.get(name);
  } catch (error) {
    if (error instanceof Problem && error.code === "invalid_request") refuse("/data/dataset", error.message);
    throw error;
  }
}

function studyModel(model: ServedModel): StudyModel {
  const { id, revision, family, nLayers, dModel, nHeads, headDim, dMlp } = model;
  const { vocabSize, tokenCount, contextLength, gated, parallel } = model;
  return {
    ...{ id, revision, family, nLayers, dModel, nHeads, headDim, dMlp },
    ...{ vocabSize, tokenCount, contextLength, gated, parallel },
  };
}
