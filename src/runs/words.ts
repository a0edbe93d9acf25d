/** What operations ask about words, answered by a model's tokenizer. */
import type { Words } from "../interventions/resources.ts";
import { chatOf } from "../schemas/chat.ts";
import type { Mean } from "../schemas/mean.ts";
import type { MeanTexts } from "./mean-texts.ts";
import { tokensOf } from "./prompt.ts";
import type { ServedModel } from "./served-models.ts";
import { tokenOf } from "./tokens.ts";

/** `prependBos`: what the request says, or its default. `means`: the texts of every mean that it names. */
export function wordsOf(model: ServedModel, prependBos: boolean | undefined, means: ReadonlyMap<Mean, MeanTexts>): Words {
  return {
    token: (name, pointer) => tokenOf(name, model, pointer),
    source: (source, pointer) => {
      const at = pointer.slice(1);
      const given = { text: source.prompt, ids: source.tokens, chat: chatOf(source) };
      return tokensOf({ ...given, prependBos }, model, { text: `${at}/prompt`, ids: `${at}/tokens`, chat: `${at}/` });
    },
    mean: (mean) => means.get(mean) as MeanTexts,
  };
}
