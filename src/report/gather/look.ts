/** What the service says before anything is started: the models, the data, its version. */

import type { Client } from "../../cli/client.ts";
import { ServiceError } from "../../cli/client.ts";
import type { DatasetInfo } from "../../schemas/datasets.ts";
import type { ModelInfo } from "../../schemas/models.ts";
import type { PaperModel } from "../results/outcome.ts";

export interface SeenModel extends PaperModel {
  /** Tokens of a text, at most. */
  readonly maxTokens: number;
}

/** Throws `ServiceError` where there is no such model, or it cannot be used. */
export async function lookAtModel(client: Client, id: string): Promise<SeenModel> {
  return seen((await (await client.send(`/v1/models/${encodeURIComponent(id)}`)).json()) as ModelInfo);
}

/** The same once it is loaded, so that it is known where it runs. Where all experiments were done before, nobody has loaded it yet. */
export async function lookAtLoaded(client: Client, id: string): Promise<SeenModel> {
  const response = await client.send(`/v1/models/${encodeURIComponent(id)}/load`, { method: "POST" });
  return seen((await response.json()) as ModelInfo);
}

function seen(info: ModelInfo): SeenModel {
  if (info.problem) throw new ServiceError(info.problem);
  const { family, revision, n_layers, d_model, n_heads, d_mlp, vocab_size, context_length } = info;
  const sizes = [n_layers, d_model, n_heads, d_mlp, vocab_size, context_length];
  if (family === null || revision === null || !sizes.every((size) => size !== null))
    throw new ServiceError({ title: "Not known", detail: `The model ${info.id} is ${info.state}: its sizes are not known yet.` });
  const [nLayers = 0, dModel = 0, nHeads = 0, dMlp = 0, vocabSize = 0, contextLength = 0] = sizes;
  return {
    ...{ id: info.id, family, revision, nLayers, dModel, nHeads, dMlp, vocabSize, contextLength },
    ...{ device: info.device, precision: info.precision, half: info.half },
    maxTokens: info.limits.max_tokens,
  };
}

/** How many texts a data set has, and its hash. */
export async function lookAtData(client: Client, name: string): Promise<Pick<DatasetInfo, "texts" | "sha256">> {
  return (await (await client.send(`/v1/datasets/${encodeURIComponent(name)}`)).json()) as DatasetInfo;
}

/** The service's version. */
export async function versionOf(client: Client): Promise<string> {
  const document = (await (await client.send("/openapi.json")).json()) as { readonly info: { readonly version: string } };
  return document.info.version;
}
