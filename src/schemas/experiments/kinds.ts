/** What every kind of experiment is, in a line, and what it makes of texts. */
import type { ExperimentKind } from "./settings.ts";

/** What a kind makes of the texts that it is given. */
export interface KindTexts {
  /** `cut`: to `tokens_per_text` each; `whole`: as they are, and the fields of `CUTTING_FIELDS` are refused. */
  readonly length: "cut" | "whole";
  /** The shipped data set that the command line names when nothing is said; null: none has what the kind needs, or it needs none. */
  readonly usual: "prose-heldout" | "last-word" | null;
  /** Whether there have to be any. */
  readonly required: boolean;
}

interface AboutKind {
  /** For people. */
  readonly title: string;
  /** Where arXiv 2406.19384 has it; null: elsewhere, or nowhere. */
  readonly paper: string | null;
  readonly texts: KindTexts;
}

/** Fields of a request that say how texts are cut. */
export const CUTTING_FIELDS = ["tokens_per_text", "short_texts"] as const;

const CUT: KindTexts = { length: "cut", usual: "prose-heldout", required: true };
const WHOLE: KindTexts = { length: "whole", usual: "prose-heldout", required: true };

export const ABOUT_KINDS: Readonly<Record<ExperimentKind, AboutKind>> = {
  "layer-interventions": { title: "What deleting or swapping each layer does", paper: "figure 3", texts: CUT },
  "attention-locality": { title: "Attention to the tokens just before", paper: "figure 4", texts: CUT },
  "component-norms": { title: "How much attention and MLPs write", paper: "figures 5 and 7", texts: CUT },
  "logit-lens": { title: "What each layer would predict", paper: "figures 6 left and 8", texts: CUT },
  "neuron-census": {
    title: "What neurons write towards the vocabulary",
    paper: "figure 6 right",
    texts: { ...CUT, usual: null, required: false },
  },
  "subjoiner-heads": { title: "Heads that join the tokens of a word", paper: "figure 9", texts: WHOLE },
  "suffix-probe": { title: "Neurons that know how the word will end", paper: "figure 10", texts: WHOLE },
  cka: { title: "How alike the layers are, by CKA", paper: "later versions", texts: CUT },
  "layer-importance": { title: "How far each layer turns the residual stream", paper: "later versions", texts: CUT },
  "layer-repeat": { title: "What running each layer again does", paper: "later versions", texts: CUT },
  "layer-schedules": { title: "What running the middle layers in other ways does", paper: null, texts: CUT },
  "head-importance": { title: "What each attention head does", paper: null, texts: CUT },
  variants: { title: "What any interventions do", paper: null, texts: CUT },
  benchmark: { title: "Accuracy without or with more of each layer", paper: "appendix", texts: { ...WHOLE, usual: "last-word" } },
  "span-probe": { title: "What a probe reads at labelled spans", paper: "appendix", texts: { ...WHOLE, usual: null } },
  activations: { title: "Activations as files, to train on", paper: null, texts: CUT },
  stages: { title: "All signals by layer, and whether the depth falls into stages", paper: "table 1", texts: CUT },
};

/** The title, and where the paper has it. */
export function titleOf(kind: ExperimentKind): string {
  const { title, paper } = ABOUT_KINDS[kind];
  return paper === null ? title : `${title} (${paper})`;
}
