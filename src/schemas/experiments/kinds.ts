/** What every kind of experiment is, in a line. */
import type { ExperimentKind } from "./settings.ts";

interface AboutKind {
  /** For people. */
  readonly title: string;
  /** Where arXiv 2406.19384 has it; null: elsewhere, or nowhere. */
  readonly paper: string | null;
}

export const ABOUT_KINDS: Readonly<Record<ExperimentKind, AboutKind>> = {
  "layer-interventions": { title: "What deleting or swapping each layer does", paper: "figure 3" },
  "attention-locality": { title: "Attention to the tokens just before", paper: "figure 4" },
  "component-norms": { title: "How much attention and MLPs write", paper: "figures 5 and 7" },
  "logit-lens": { title: "What each layer would predict", paper: "figures 6 left and 8" },
  "neuron-census": { title: "What neurons write towards the vocabulary", paper: "figure 6 right" },
  "subjoiner-heads": { title: "Heads that join the tokens of a word", paper: "figure 9" },
  "suffix-probe": { title: "Neurons that know how the word will end", paper: "figure 10" },
  cka: { title: "How alike the layers are, by CKA", paper: "later versions" },
  "layer-importance": { title: "How far each layer turns the residual stream", paper: "later versions" },
  "layer-repeat": { title: "What running each layer again does", paper: "later versions" },
  "layer-schedules": { title: "What running the middle layers in other ways does", paper: null },
  "head-importance": { title: "What each attention head does", paper: null },
  variants: { title: "What any interventions do", paper: null },
  benchmark: { title: "Accuracy without or with more of each layer", paper: "appendix" },
  "span-probe": { title: "What a probe reads at labelled spans", paper: "appendix" },
  activations: { title: "Activations as files, to train on", paper: null },
  stages: { title: "All signals by layer, and whether the depth falls into stages", paper: "table 1" },
};

/** The title, and where the paper has it. */
export function titleOf(kind: ExperimentKind): string {
  const { title, paper } = ABOUT_KINDS[kind];
  return paper === null ? title : `${title} (${paper})`;
}
