/** Over which tokens means are taken: texts of data sets or of the request itself, found and cut before a run starts. */
import { createHash } from "node:crypto";
import type { DatasetSource } from "../datasets/datasets.ts";
import type { MeanData } from "../interventions/resources.ts";
import { Problem } from "../problem.ts";
import { MAX_MEAN_TOKENS } from "../schemas/limits.ts";
import { MEAN_DEFAULTS, type Mean } from "../schemas/mean.ts";
import type { RunRequest } from "../schemas/run-request.ts";
import { tokensOf } from "./prompt.ts";
import type { ServedModel } from "./served-models.ts";
import { refuse } from "./tokens.ts";

/** A mean's texts as the model reads them. */
export interface MeanTexts extends MeanData {
  /** Token ids of every text, BOS included. */
  readonly tokens: readonly (readonly number[])[];
  /** null: the request's own texts. */
  readonly dataset: { readonly name: string; readonly sha256: string } | null;
  /** null: whole texts. */
  readonly tokensPerText: number | null;
}

/** Where a request names means, and how the texts of those begin. */
export type MeansRequest = Pick<RunRequest, "interventions" | "variants" | "prepend_bos">;

/** The means that a request names, each with the texts it is taken over. Refuses what is not there or too short. */
export async function meanTexts(
  request: MeansRequest,
  model: ServedModel,
  datasets: DatasetSource,
): Promise<ReadonlyMap<Mean, MeanTexts>> {
  const found = new Map<Mean, MeanTexts>();
  const bySpelling = new Map<string, MeanTexts>();
  for (const { mean, pointer } of meansOf(request)) {
    if (found.has(mean)) continue;
    const spelling = JSON.stringify(mean);
    const texts = bySpelling.get(spelling) ?? (await textsOf(mean, pointer, request.prepend_bos, model, datasets));
    bySpelling.set(spelling, texts);
    found.set(mean, texts);
  }
  return found;
}

function meansOf({ interventions, variants }: MeansRequest): { mean: Mean; pointer: string }[] {
  const lists = interventions
    ? [{ operations: interventions, at: "/interventions" }]
    : Object.entries(variants ?? {}).map(([name, operations]) => ({ operations, at: `/variants/${name}` }));
  return lists.flatMap(({ operations, at }) =>
    operations.flatMap((operation, i) =>
      operation.op === "ablate" && operation.with !== "zero" && operation.with.mean
        ? [{ mean: operation.with.mean, pointer: `${at}/${i}/with/mean` }]
        : [],
    ),
  );
}

async function textsOf(
  mean: Mean,
  pointer: string,
  prependBos: boolean | undefined,
  model: ServedModel,
  datasets: DatasetSource,
): Promise<MeanTexts> {
  const { dataset: name } = mean;
  const dataset = name === undefined ? null : await pointing(`${pointer}/dataset`, () => datasets.get(name));
  const texts = dataset ? await pointing(`${pointer}/dataset`, () => firstOf(dataset, mean, pointer)) : (mean.texts as string[]);
  const tokensPerText = mean.tokens_per_text ?? (dataset ? MEAN_DEFAULTS.tokens : null);
  if (tokensPerText !== null && tokensPerText > model.contextLength)
    refuse(
      `${pointer}/tokens_per_text`,
      `${tokensPerText} tokens are more than the context of ${model.id} holds, ${model.contextLength}`,
    );
  if (tokensPerText !== null && tokensPerText * texts.length > MAX_MEAN_TOKENS)
    refuse(
      pointer,
      `${texts.length} texts of ${tokensPerText} tokens are ${texts.length * tokensPerText} tokens, more than the most allowed, ${MAX_MEAN_TOKENS}`,
    );
  const tokens = texts.map((text, i) => {
    const at = dataset ? `${pointer}/texts` : `${pointer}/texts/${i}`;
    const what = dataset ? `text ${i} of the data set ${dataset.name}` : `the text`;
    return cut(text, tokensPerText, what, at, prependBos, model);
  });
  const total = tokens.reduce((sum, { length }) => sum + length, 0);
  if (total > MAX_MEAN_TOKENS) refuse(pointer, `the texts have ${total} tokens, more than the most allowed, ${MAX_MEAN_TOKENS}`);
  return {
    key: keyOf(model, tokens),
    tokens,
    dataset: dataset ? { name: dataset.name, sha256: dataset.sha256 } : null,
    tokensPerText,
  };
}

/** What a data set refuses, which knows no request, at the field that names it. */
async function pointing<T>(pointer: string, get: () => T | Promise<T>): Promise<T> {
  try {
    return await get();
  } catch (error) {
    if (error instanceof Problem && !error.errors) refuse(pointer, error.message);
    throw error;
  }
}

function firstOf({ name, texts }: { name: string; texts: readonly string[] }, mean: Mean, pointer: string): readonly string[] {
  const count = typeof mean.texts === "number" ? mean.texts : MEAN_DEFAULTS.texts;
  if (count > texts.length) refuse(`${pointer}/texts`, `${count} texts are more than the data set ${name} has, ${texts.length}`);
  return texts.slice(0, count);
}

function cut(
  text: string,
  most: number | null,
  what: string,
  pointer: string,
  prependBos: boolean | undefined,
  model: ServedModel,
): readonly number[] {
  const tokens = tokensOf({ text, prependBos, most }, model, { text: pointer.slice(1), ids: "" });
  const least = most ?? 2;
  if (tokens.length < least)
    refuse(
      pointer,
      `${what} has ${tokens.length} ${tokens.length === 1 ? "token" : "tokens"} (BOS included), fewer than the ${least} that are needed`,
    );
  return tokens;
}

/** Covers the model, the texts' contents, BOS and where each is cut: all of it is in the tokens. */
function keyOf({ revision }: ServedModel, tokens: readonly (readonly number[])[]): string {
  const hash = createHash("sha256").update(`means 1 ${revision}\n`);
  for (const text of tokens) hash.update(Int32Array.of(text.length, ...text));
  return hash.digest("hex").slice(0, 32);
}
