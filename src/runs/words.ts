/** What operations ask about words, answered by a model's tokenizer. */
import type { Words } from "../interventions/resources.ts";
import type { Mean } from "../schemas/mean.ts";
import type { MeanTexts } from "./mean-texts.ts";
import type { ServedModel } from "./served-models.ts";
import { tokenOf, tokensOf } from "./tokens.ts";

/** `prependBos`: what the request says, or its default. `means`: the texts of every mean that it names. */
export function wordsOf(model: ServedModel, prependBos: boolean | undefined, means: ReadonlyMap<Mean, MeanTexts>): Words {
  return {
    token: (name, pointer) => tokenOf(name, model, pointer),
    source: ({ prompt, tokens }, pointer) => {
      const at = pointer.slice(1);
      return tokensOf({ text: prompt, ids: tokens, prependBos }, model, { text: `${at}/prompt`, ids: `${at}/tokens` });
    },
    mean: (mean) => means.get(mean) as MeanTexts,
  };
}
