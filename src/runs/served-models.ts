/** The models of MODELS_DIR and of the hub's cache as the server knows them: sizes, revision, and a tokenizer. Their weights are the engine's. */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { ChatTemplate } from "../chat/chat-template.ts";
import type { HubName } from "../engine/checkpoint/hub-cache.ts";
import type { ModelSpec } from "../engine/model-spec.ts";
import type { Download, Downloads } from "../hub/downloads.ts";
import { Problem } from "../problem.ts";
import type { ModelBos } from "../tokenizer/peek.ts";
import type { TextTokenizer } from "../tokenizer/tokenizer.ts";
import type { TokenJson } from "./events.ts";

/** A checkpoint that passed its checks. */
export interface ServedModel
  extends Pick<
    ModelSpec,
    "family" | "revision" | "nLayers" | "dModel" | "nHeads" | "dMlp" | "vocabSize" | "tokenCount" | "contextLength"
  > {
  readonly id: string;
  /** Whether its MLPs are gated: then the sign of a neuron is arbitrary. */
  readonly gated: boolean;
  /** Whether its MLPs read what the attention reads: x + attn(x) + mlp(x). */
  readonly parallel: boolean;
  /** Of one attention head's output, before the output projection. */
  readonly headDim: number;
  readonly tokenizer: TextTokenizer;
  readonly chat: ChatTemplate;
  readonly tokenJson: TokenJson;
}

/** How a model makes tokens of what is said to it. */
export interface PromptFacts {
  readonly bos: ModelBos | null;
  readonly chat: ChatTemplate | null;
}

/** A model as lists show it, whether or not it can be served. */
export interface ListedModel extends PromptFacts {
  readonly id: string;
  readonly family: string | null;
  readonly sizes: Pick<ServedModel, "nLayers" | "dModel" | "nHeads" | "dMlp" | "vocabSize" | "contextLength"> | null;
  /** Known once the model has been asked for. */
  readonly revision: string | null;
  readonly problems: readonly string[];
  /** Why it could not be opened when it was last asked for; null: it could, or its files have changed since. */
  readonly failure: Problem | null;
  /** Under way, or the last one where it failed. */
  readonly download: Download | null;
}

/** The hub's cache, and what downloads into it; null: requests may not download. */
export interface HubModels {
  readonly cacheDir: string;
  readonly downloads: Downloads | null;
}

export interface ModelSource {
  list(): Promise<readonly ListedModel[]>;
  /** Downloads it first where that is allowed. Throws `model_not_found`, with what there is, or `model_invalid`. */
  get(name: string): Promise<ServedModel>;
  /** The model as lists show it, with its revision, and never a download begun. Throws `model_not_found`. */
  look(name: string): Promise<ListedModel>;
  /** Ends all downloads. */
  stop(): void;
}

/** Tokenizers held at once: some 50 MB each for the largest vocabularies. */
const MAX_OPEN = 8;

interface Opened {
  readonly stamp: string;
  readonly model: Promise<ServedModel>;
  revision: string | null;
}

/** The models of a folder and of the hub's cache, opened when they are first asked for and again when their files have changed. */
export function modelsIn(modelsDir: string, hub: HubModels | null = null): ModelSource {
  return new FolderModels(modelsDir, hub);
}

class FolderModels implements ModelSource {
  readonly #modelsDir: string;
  readonly #hubCache: string | null;
  readonly #downloads: Downloads | null;
  readonly #opened = new Map<string, Opened>(); // the least recently used first
  readonly #facts = new Map<string, { readonly stamp: string; readonly facts: Promise<PromptFacts> }>();
  readonly #failures = new Map<string, { readonly stamp: string; readonly problem: Problem }>();

  constructor(modelsDir: string, hub: HubModels | null) {
    this.#modelsDir = modelsDir;
    this.#hubCache = hub?.cacheDir ?? null;
    this.#downloads = hub?.downloads ?? null;
  }

  async list(): Promise<readonly ListedModel[]> {
    const { listModels } = await import("../engine/checkpoint/catalogue.ts");
    const there = listModels(this.#modelsDir, this.#hubCache);
    const ids = new Set(there.map(({ id }) => id));
    const coming = (this.#downloads?.list() ?? []).filter(({ id }) => !ids.has(id));
    return [...(await Promise.all(there.map(({ id, folder }) => this.#describe(id, folder)))), ...coming.map(downloading)];
  }

  async get(name: string): Promise<ServedModel> {
    const found = (await this.#find(name)) ?? (await this.#fetch(name));
    return this.#open(found.id, found.folder);
  }

  async look(name: string): Promise<ListedModel> {
    const found = await this.#find(name);
    if (found) {
      // Opening it computes its revision; one that cannot be opened is shown with the reason.
      await this.#open(found.id, found.folder).catch((error: unknown) => {
        if (!(error instanceof Problem)) throw error;
      });
      return this.#describe(found.id, found.folder);
    }
    const { modelId } = await import("../engine/checkpoint/catalogue.ts");
    const download = this.#downloads?.find(modelId(name));
    if (download) return downloading(download);
    throw await this.#notFound(name);
  }

  stop(): void {
    this.#downloads?.stop();
  }

  async #find(name: string): Promise<{ readonly id: string; readonly folder: string } | null> {
    const { findModel, modelId } = await import("../engine/checkpoint/catalogue.ts");
    const id = modelId(name);
    const folder = findModel(this.#modelsDir, id, this.#hubCache);
    return folder === undefined ? null : { id, folder };
  }

  async #fetch(name: string): Promise<{ readonly id: string; readonly folder: string }> {
    const hubName = await hubNameOf(name);
    if (!hubName || !this.#downloads) throw await this.#notFound(name);
    await this.#downloads.start(hubName).done;
    const found = await this.#find(name);
    if (!found) throw await this.#notFound(name);
    return found;
  }

  async #describe(id: string, folder: string): Promise<ListedModel> {
    const { describeCheckpoint } = await import("../engine/checkpoint/open.ts");
    const { family, sizes, problems } = describeCheckpoint(folder);
    const failed = this.#failures.get(id);
    const stamp = stampOf(folder);
    const failure = failed?.stamp === stamp ? failed.problem : null;
    const revision = this.#opened.get(id)?.revision ?? null;
    return { id, family, sizes, problems, failure, revision, download: null, ...(await this.#promptFacts(id, folder, stamp)) };
  }

  /** Read once, until the files change. */
  #promptFacts(id: string, folder: string, stamp: string): Promise<PromptFacts> {
    const known = this.#facts.get(id);
    if (known?.stamp === stamp) return known.facts;
    const facts = readFacts(folder);
    this.#facts.set(id, { stamp, facts });
    return facts;
  }

  async #open(id: string, folder: string): Promise<ServedModel> {
    const stamp = stampOf(folder);
    const known = this.#opened.get(id);
    this.#opened.delete(id);
    if (known?.stamp === stamp) {
      this.#opened.set(id, known);
      return known.model;
    }
    const entry: Opened = { stamp, model: open(id, folder), revision: null };
    this.#opened.set(id, entry);
    for (const [oldest] of this.#opened) if (this.#opened.size > MAX_OPEN) this.#opened.delete(oldest);
    try {
      const model = await entry.model;
      entry.revision = model.revision;
      return model;
    } catch (error) {
      if (this.#opened.get(id) === entry) this.#opened.delete(id);
      if (error instanceof Problem) this.#failures.set(id, { stamp, problem: error });
      throw error;
    }
  }

  async #notFound(name: string): Promise<Problem> {
    const { listModels } = await import("../engine/checkpoint/catalogue.ts");
    const known = listModels(this.#modelsDir, this.#hubCache).map(({ id }) => id);
    const there = known.length === 0 ? "The models folder holds none." : `There are: ${known.slice(0, 50).join(", ")}.`;
    const hubName = this.#hubCache !== null && this.#downloads === null ? await hubNameOf(name) : null;
    const pull = hubName
      ? ` To have it from the hub: \`stratascope pull ${name.slice(0, 200).replace("--", "/")}\`, or ALLOW_DOWNLOADS=true.`
      : "";
    return new Problem("model_not_found", `There is no model ${JSON.stringify(name.slice(0, 200))}. ${there}${pull}`);
  }
}

/** What a request may download: with the organisation in its name, so that a mistyped name of one's own asks nobody. */
async function hubNameOf(name: string): Promise<HubName | null> {
  const { parseHubName } = await import("../engine/checkpoint/hub-cache.ts");
  const parsed = parseHubName(name);
  return parsed?.repo.includes("/") ? parsed : null;
}

/** A model of which there is nothing yet but its download. */
function downloading(download: Download): ListedModel {
  const failure = download.progress.current.problem;
  return { id: download.id, family: null, sizes: null, revision: null, problems: [], failure, download, bos: null, chat: null };
}

async function readFacts(folder: string): Promise<PromptFacts> {
  const [{ peekBos }, { openChatTemplate }] = await Promise.all([import("../tokenizer/peek.ts"), import("../chat/open.ts")]);
  const bos = await peekBos(folder);
  return { bos, chat: await openChatTemplate(folder, bos?.text ?? null) };
}

async function open(id: string, folder: string): Promise<ServedModel> {
  const [{ openCheckpoint }, { openTokenizer }, { openChatTemplate }] = await Promise.all([
    import("../engine/checkpoint/open.ts"),
    import("../tokenizer/tokenizer.ts"),
    import("../chat/open.ts"),
  ]);
  await checkHashes(id, folder);
  // First the check that lists everything that is wrong.
  const spec = openCheckpoint(folder);
  const { family, revision, nLayers, dModel, nHeads, dMlp, vocabSize, tokenCount, contextLength } = spec;
  const tokenizer = await openTokenizer(folder);
  return {
    ...{ id, family, revision, nLayers, dModel, nHeads, dMlp, vocabSize, tokenCount, contextLength },
    gated: spec.blocks.some(({ mlp }) => mlp.kind === "gated"),
    parallel: spec.blocks.some(({ parallel }) => parallel),
    headDim: spec.blocks[0]?.attention.headDim ?? 0,
    tokenizer,
    chat: await openChatTemplate(folder, tokenizer.bosId === null ? null : tokenizer.text(tokenizer.bosId)),
    tokenJson: tokenTexts(tokenizer, tokenCount),
  };
}

/** What came from the hub is compared with the hashes it was stored under, whoever downloaded it. */
async function checkHashes(id: string, folder: string): Promise<void> {
  const { snapshotName } = await import("../engine/checkpoint/hub-cache.ts");
  if (snapshotName(folder) === null) return;
  const { brokenFiles } = await import("../hub/verify.ts");
  const broken = await brokenFiles(folder);
  if (broken.length === 0) return;
  const mend = `\`stratascope pull ${id.replace("--", "/")}\` downloads what is wrong again`;
  throw new Problem(
    "model_invalid",
    `The model ${id} cannot be used. In the hub's cache ${broken.join(", ")} ${broken.length === 1 ? "is" : "are"} not what the hub states by its hash; ${mend}.`,
  );
}

/** A model's tokens as JSON text, each written once; ids from `tokenCount` on are rows of padding, which have no text. */
export function tokenTexts(tokenizer: Pick<TextTokenizer, "text">, tokenCount: number): TokenJson {
  const texts: string[] = [];
  const written = (id: number) =>
    id < tokenCount ? `"id":${id},"text":${JSON.stringify(tokenizer.text(id))}` : `"id":${id},"text":"","padding":true`;
  return (id) => (texts[id] ??= written(id));
}

/** Changes when the files that are read here do. */
function stampOf(folder: string): string {
  const small = ["config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "chat_templates"];
  return [...small, "model.safetensors", "model.safetensors.index.json"]
    .map((name) => statSync(join(folder, name), { throwIfNoEntry: false }))
    .map((stat) => (stat ? `${stat.mtimeMs}:${stat.size}:${stat.ino}` : ""))
    .join();
}
