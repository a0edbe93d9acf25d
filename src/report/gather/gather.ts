/** Runs what a report needs on one model, one experiment after the other, and says what came of each. */
import { Problem } from "../../problem.ts";
import type { ProblemDocument } from "../../schemas/problem.ts";
import type { PaperExperiment } from "../plan/catalogue.ts";
import { bodyOf, type ExperimentBody, idempotencyKey, type PaperRequest } from "../plan/request.ts";
import { chooseSize } from "../plan/sizes.ts";
import { fromWire, type ModelOutcomes, type Outcome } from "../results/outcome.ts";
import { lookAtLoaded, lookAtModel, type SeenModel } from "./look.ts";
import type { ReportService } from "./service.ts";

/** Refusals that are the model's and the texts' own: they go into the report. */
const REFUSALS: ReadonlySet<string> = new Set([
  ...(["invalid_request", "invalid_intervention", "run_too_large", "model_too_large", "body_too_large", "not_found"] as const),
]);

/** Whoever wants to know how far it is. */
export interface Audience {
  begins(model: string): void;
  ended(experiment: PaperExperiment, outcome: Outcome): void;
}

export interface GatherParts {
  readonly service: ReportService;
  readonly request: PaperRequest;
  /** Of the code that computes: what was computed by other code is computed again. */
  readonly version: string;
  readonly audience: Audience;
}

/** All experiments of one model. Throws `cancelled`, and what no other experiment could do better with: a lost service. */
export async function gather(parts: GatherParts, id: string): Promise<ModelOutcomes> {
  const { service, request, audience } = parts;
  const model = await lookAtModel(service, id);
  audience.begins(id);
  const outcomes = new Map<string, Outcome>();
  for (const experiment of request.experiments) {
    const outcome = await conduct(parts, model, experiment);
    outcomes.set(experiment.id, outcome);
    audience.ended(experiment, outcome);
  }
  return { model: await lookAtLoaded(service, id), outcomes };
}

async function conduct(parts: GatherParts, model: SeenModel, experiment: PaperExperiment): Promise<Outcome> {
  const { service, request, version } = parts;
  let data: UsedData;
  try {
    data = await dataOf(service, request, experiment);
  } catch (error) {
    return { state: "refused", reason: refusalIn(service, error) };
  }
  const { texts, tokens } = request;
  const size = chooseSize(experiment, model, { texts, tokens, available: data.texts, maxTokens: model.maxTokens });
  const refused: string[] = [];
  for (const attempt of experiment.attempts) {
    if (attempt.ofOwnData && !request.ownData) continue;
    const body = bodyOf(request, model.id, experiment, size, attempt);
    const key = idempotencyKey(body, { revision: model.revision, version, data: attempt.withoutTexts ? null : data.sha256 });
    try {
      return await carryOut(parts, experiment, body, key, attempt.asGood ? [] : refused);
    } catch (error) {
      refused.push(refusalIn(service, error));
    }
  }
  return { state: "refused", reason: refused[0] as string };
}

interface UsedData {
  readonly texts: number;
  /** null: the texts are in the request. */
  readonly sha256: string | null;
}

/** How many texts there are, and the hash of the data set that the request names. Throws what the service says where there is no such set. */
export async function dataOf(
  service: Pick<ReportService, "dataset">,
  { fields, ownData }: Pick<PaperRequest, "fields" | "ownData">,
  experiment: Pick<PaperExperiment, "data">,
): Promise<UsedData> {
  const data = fields.data as { dataset?: string; texts?: readonly string[]; rows?: readonly object[] };
  const name = !ownData && experiment.data !== undefined ? experiment.data : data.dataset;
  if (name !== undefined) return service.dataset(name);
  return { texts: (data.texts ?? data.rows ?? []).length, sha256: null };
}

/** The reason of a refusal. Throws whatever else it is. */
function refusalIn(service: ReportService, error: unknown): string {
  const problem = service.problemIn(error);
  if (!problem || !REFUSALS.has(problem.code ?? "")) throw error;
  return reasonOf(problem);
}

/** Starts it, or goes on with what was begun, and waits for its end. Throws what refuses it. */
async function carryOut(
  { service }: GatherParts,
  experiment: PaperExperiment,
  body: ExperimentBody,
  key: string,
  refused: readonly string[],
): Promise<Outcome> {
  const { id, state, events } = await service.start(body, key);
  const ended = state === "failed" || state === "cancelled";
  if (ended) await service.resume(id);
  if (state !== "completed") {
    const failure = await follow(service, id, experiment.id, ended ? events : 0);
    if (failure !== null) return { state: "failed", reason: failure };
  }
  return { state: "completed", result: fromWire(await service.result(id)), refused };
}

/** null: it is completed; otherwise what it failed of. */
async function follow(service: ReportService, id: string, label: string, after: number): Promise<string | null> {
  try {
    await service.follow(id, label, after);
    return null;
  } catch (error) {
    if (error instanceof Problem && error.code === "cancelled")
      throw new Problem("cancelled", "Cancelled. What was computed is kept: the same command again goes on from there.");
    const said = service.problemIn(error);
    if (!said) throw error;
    const { state, error: problem } = await service.get(id);
    if (state === "failed") return problem?.detail ?? reasonOf(said);
    throw error;
  }
}

/** What is wrong, field by field where that is said. */
function reasonOf({ detail, title, errors }: Partial<ProblemDocument>): string {
  const reasons = [...new Set(errors?.map((each) => each.detail))];
  return reasons.length > 0 ? reasons.join("; ") : (detail ?? title ?? "no reason was given");
}
