/** Runs what a report needs on one model, one experiment after the other, and says what came of each. */

import { type Client, ServiceError } from "../../cli/client.ts";
import type { ExperimentBody } from "../../cli/experiment-request.ts";
import { type ExperimentsClient, experimentsOf } from "../../cli/experiments-client.ts";
import { type FollowOptions, followExperiment } from "../../cli/follow-experiment.ts";
import { left } from "../../cli/render/text.ts";
import type { Terminal } from "../../cli/terminal.ts";
import { Problem } from "../../problem.ts";
import type { ProblemDocument } from "../../schemas/problem.ts";
import type { PaperExperiment } from "../plan/catalogue.ts";
import { bodyOf, idempotencyKey, type PaperRequest } from "../plan/request.ts";
import { chooseSize } from "../plan/sizes.ts";
import { fromWire, type ModelOutcomes, type Outcome } from "../results/outcome.ts";
import { lookAtData, lookAtLoaded, lookAtModel, type SeenModel } from "./look.ts";

/** Refusals that are the model's and the texts' own: they go into the report. */
const REFUSALS: ReadonlySet<string> = new Set([
  ...(["invalid_request", "invalid_intervention", "run_too_large", "model_too_large", "body_too_large", "not_found"] as const),
]);

export interface GatherParts {
  readonly client: Client;
  readonly request: PaperRequest;
  readonly version: string;
  readonly terminal: Terminal;
}

/** All experiments of one model. Throws `cancelled`, and what no other experiment could do better with: a lost service. */
export async function gather(parts: GatherParts, id: string): Promise<ModelOutcomes> {
  const { client, request, terminal } = parts;
  const model = await lookAtModel(client, id);
  terminal.print(terminal.view.colours.bold(id));
  const outcomes = new Map<string, Outcome>();
  for (const experiment of request.experiments) {
    const outcome = await conduct(parts, model, experiment);
    outcomes.set(experiment.id, outcome);
    terminal.print(outcomeLine(experiment, outcome, terminal));
  }
  return { model: await lookAtLoaded(client, id), outcomes };
}

async function conduct(parts: GatherParts, model: SeenModel, experiment: PaperExperiment): Promise<Outcome> {
  const { client, request, version } = parts;
  let data: UsedData;
  try {
    data = await dataOf(client, request, experiment);
  } catch (error) {
    return { state: "refused", reason: refusalIn(error) };
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
      refused.push(refusalIn(error));
    }
  }
  return { state: "refused", reason: refused[0] as string };
}

interface UsedData {
  readonly texts: number;
  /** null: the texts are in the request. */
  readonly sha256: string | null;
}

/** How many texts there are, and the hash of the data set that the request names. Throws `ServiceError` where there is no such set. */
export async function dataOf(
  client: Client,
  { fields, ownData }: Pick<PaperRequest, "fields" | "ownData">,
  experiment: Pick<PaperExperiment, "data">,
): Promise<UsedData> {
  const data = fields.data as { dataset?: string; texts?: readonly string[]; rows?: readonly object[] };
  const name = !ownData && experiment.data !== undefined ? experiment.data : data.dataset;
  if (name !== undefined) return lookAtData(client, name);
  return { texts: (data.texts ?? data.rows ?? []).length, sha256: null };
}

/** The reason of a refusal. Throws whatever else it is. */
function refusalIn(error: unknown): string {
  if (!(error instanceof ServiceError) || !REFUSALS.has(error.problem.code ?? "")) throw error;
  return reasonOf(error.problem);
}

/** Starts it, or goes on with what was begun, and waits for its end. Throws what refuses it. */
async function carryOut(
  { client, terminal }: GatherParts,
  experiment: PaperExperiment,
  body: ExperimentBody,
  key: string,
  refused: readonly string[],
): Promise<Outcome> {
  const experiments = experimentsOf(client);
  const { id, state, events } = await experiments.start(body, key);
  const ended = state === "failed" || state === "cancelled";
  if (ended) await experiments.resume(id);
  if (state !== "completed") {
    const failure = await follow(experiments, id, terminal, { after: ended ? events : 0, label: experiment.id });
    if (failure !== null) return { state: "failed", reason: failure };
  }
  return { state: "completed", result: fromWire(await experiments.result(id)), refused };
}

/** null: it is completed; otherwise what it failed of. */
async function follow(client: ExperimentsClient, id: string, terminal: Terminal, options: FollowOptions): Promise<string | null> {
  try {
    await followExperiment(client, id, terminal, options);
    return null;
  } catch (error) {
    if (error instanceof Problem && error.code === "cancelled")
      throw new Problem("cancelled", "Cancelled. What was computed is kept: the same command again goes on from there.");
    if (!(error instanceof ServiceError)) throw error;
    const { state, error: problem } = await client.get(id);
    if (state === "failed") return problem?.detail ?? error.message;
    throw error;
  }
}

/** What is wrong, field by field where that is said. */
function reasonOf({ detail, title, errors }: Partial<ProblemDocument>): string {
  const reasons = [...new Set(errors?.map((each) => each.detail))];
  return reasons.length > 0 ? reasons.join("; ") : (detail ?? title ?? "no reason was given");
}

const LABEL = 24;

function outcomeLine({ id }: PaperExperiment, outcome: Outcome, { view }: Terminal): string {
  const { green, yellow, red, dim } = view.colours;
  const name = left(id, LABEL);
  if (outcome.state === "completed") return ` ${green("✓")} ${name} ${dim(madeOf(outcome.result))}`;
  const mark = outcome.state === "refused" ? yellow("–") : red("✗");
  return ` ${mark} ${name} ${outcome.reason}`;
}

function madeOf({ data, tokens_per_text }: { data: { texts: number } | null; tokens_per_text: number | null }): string {
  if (!data) return "weights alone";
  return `${data.texts} texts${tokens_per_text === null ? "" : ` × ${tokens_per_text} tokens`}`;
}
