/** What the help says of a kind beside its settings: what its texts must have, and what its numbers are of. */
import type { ExperimentKind } from "../schemas/experiments/settings.ts";

const ROWS = "Rows come from a data set, or from a .jsonl file";

/** Paragraphs; kinds without any are as their settings say. */
export const KIND_NOTES: Partial<Readonly<Record<ExperimentKind, readonly string[]>>> = {
  "neuron-census": [
    "It is of the weights alone: no texts are needed. With --data, the signs of a gated model's neurons are measured on them.",
  ],
  "subjoiner-heads": [
    "A word is a run of letters, and marks on them, after a space, and no part of something longer: none of don't, well-known or 4th. Its tokens hold nothing else but the space before it; where a token goes on into what stands beside, the word does not count.",
    "It counts where context_words words of its text, itself the last, stand up to it: shorter texts have none.",
  ],
  "suffix-probe": [
    "Every example has its full context: a place counts only where its own text has context_tokens tokens before the one predicted, BOS included. Shorter texts have no examples; ask for less with --set context_tokens=N.",
  ],
  benchmark: [`${ROWS}: of last-word a text each; of multiple-choice context, choices and answer.`],
  "span-probe": [
    `${ROWS}: text, label (of two), and span ([start, end) in characters) or word; of pairs also text2.`,
    "Layer -1 is the embedding of the span's last token, without its context. Where rows have the same word there is nothing to tell them by, and a probe that guesses the commoner label of its training texts meets the rarer one more often in those that were held out: so accuracy can fall below chance there, and below the share of the majority.",
  ],
  activations: ["They are written as safetensors: --files DIR fetches them."],
};
