/** What the service says of a model before anything is started, and once it is loaded. */
import { Problem, type ProblemCode } from "../../problem.ts";
import type { ModelInfo } from "../../schemas/models.ts";
import type { PaperModel } from "../results/outcome.ts";
import type { ReportService } from "./service.ts";

export interface SeenModel extends PaperModel {
  /** Tokens of a text, at most. */
  readonly maxTokens: number;
}

/** Throws what the service says where there is no such model, or it cannot be used. */
export async function lookAtModel(service: ReportService, id: string): Promise<SeenModel> {
  return seen(await service.model(id));
}

/** The same once it is loaded, so that it is known where it runs. Where all experiments were done before, nobody has loaded it yet. */
export async function lookAtLoaded(service: ReportService, id: string): Promise<PaperModel> {
  const { maxTokens: _, ...model } = seen(await service.load(id));
  return model;
}

function seen(info: ModelInfo): SeenModel {
  if (info.problem) throw new Problem(info.problem.code as ProblemCode, info.problem.detail);
  const { family, revision, n_layers, d_model, n_heads, d_mlp, vocab_size, context_length } = info;
  const sizes = [n_layers, d_model, n_heads, d_mlp, vocab_size, context_length];
  if (family === null || revision === null || !sizes.every((size) => size !== null))
    throw new Problem("model_busy", `The model ${info.id} is ${info.state}: its sizes are not known yet.`);
  const [nLayers = 0, dModel = 0, nHeads = 0, dMlp = 0, vocabSize = 0, contextLength = 0] = sizes;
  return {
    ...{ id: info.id, family, revision, nLayers, dModel, nHeads, dMlp, vocabSize, contextLength },
    ...{ device: info.device, precision: info.precision, half: info.half },
    maxTokens: info.limits.max_tokens,
  };
}
