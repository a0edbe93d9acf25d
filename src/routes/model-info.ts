/** A model as `/v1/models` shows it: what its files say, and what the engine knows of it. */
import { type ChatTemplate, ChatTemplateError } from "../chat/chat-template.ts";
import type { EngineStatus } from "../engine/protocol.ts";
import { isOver } from "../hub/progress.ts";
import { downloadInfo } from "../hub/wire-progress.ts";
import { problemDocument } from "../problem-document.ts";
import type { ListedModel } from "../runs/served-models.ts";
import { MAX_OPERATIONS, MAX_STEPS, MAX_TARGETS, MAX_TOKENS, MAX_TOP_K, MAX_VARIANTS } from "../schemas/limits.ts";
import type { ModelChat, ModelInfo } from "../schemas/models.ts";
import { OPERATION_NAMES } from "../schemas/operations.ts";
import { CaptureName } from "../schemas/run-request.ts";

export function modelInfo(
  { id, family, sizes, revision, problems, failure, download, bos, chat }: ListedModel,
  engine: EngineStatus,
): ModelInfo {
  const coming = download?.progress.current ?? null;
  const held = engine.models.find((model) => model.id === id);
  const invalid =
    problems.length > 0
      ? { code: "model_invalid" as const, detail: `The model ${id} cannot be used. ${problems.join("; ")}.` }
      : (failure?.data ?? null);
  const problem = held?.problem ?? invalid;
  const contextLength = sizes?.contextLength ?? null;
  return {
    id,
    family,
    revision,
    n_layers: sizes?.nLayers ?? null,
    d_model: sizes?.dModel ?? null,
    n_heads: sizes?.nHeads ?? null,
    d_mlp: sizes?.dMlp ?? null,
    vocab_size: sizes?.vocabSize ?? null,
    context_length: contextLength,
    device: held?.device ?? null,
    precision: held?.precision ?? null,
    weights: held?.weights ?? null,
    half: held?.half ?? null,
    state: held?.state ?? (coming && !isOver(coming) ? "downloading" : invalid ? "failed" : "available"),
    problem: problem ? problemDocument(problem) : null,
    download: coming && downloadInfo(coming),
    memory_bytes: held?.memoryBytes ?? 0,
    limits: {
      max_tokens: Math.min(contextLength ?? MAX_TOKENS, MAX_TOKENS),
      max_top_k: MAX_TOP_K,
      max_targets: MAX_TARGETS,
      max_variants: MAX_VARIANTS,
      max_operations: MAX_OPERATIONS,
      max_steps: MAX_STEPS,
    },
    bos: bos && { id: bos.id, text: bos.text, prepended_by_default: bos.addsBos },
    chat: chat && chatInfo(chat),
    captures: [...CaptureName.options],
    operations: [...OPERATION_NAMES],
  };
}

function chatInfo(template: ChatTemplate): ModelChat | null {
  const { file } = template;
  if (file === null) return null;
  try {
    return { file, arguments: [...template.arguments()], problem: null };
  } catch (error) {
    if (!(error instanceof ChatTemplateError)) throw error;
    return { file, arguments: [], problem: error.message };
  }
}
