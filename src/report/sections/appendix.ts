import { accuracy, heads, importance, similarity, spans } from "../claims/appendix.ts";
import { accuracyTable } from "../tables/accuracy.ts";
import { prose } from "../text/inline.ts";
import type { Section } from "./section.ts";

export const APPENDIX: Section = {
  id: "appendix",
  title: "Appendix",
  parts: [
    {
      heading: "Layers run twice",
      intro: prose`Every layer twice in its place, against the untouched model.`,
      figures: [
        {
          experiment: "layer-repeat",
          title: "Running a layer twice",
          caption: "Divergence, agreement and change of loss, by the layer that is repeated.",
        },
      ],
    },
    {
      heading: "Schedules of the middle",
      intro: prose`The layers s + 1 … L − s − 1 left out, in reverse, in one random order, side by side, side by side three times over, or all replaced by the model’s
middle layer, for every start s.`,
      figures: [
        {
          experiment: "layer-schedules",
          title: "Other schedules of the middle layers",
          caption:
            "After Transformer Layers as Painters (arXiv 2407.09298). The further to the right, the less of the model is changed.",
        },
      ],
    },
    {
      heading: "Similarity of layers",
      intro: prose`Unbiased linear CKA between the residual streams at the last token of every text.`,
      remarks: [similarity],
      figures: [
        {
          experiment: "cka",
          title: "Similarity of layers",
          caption: "1: the same up to rotation and scale. emb.: the embedding.",
        },
      ],
    },
    {
      heading: "Importance of layers",
      intro: prose`How far each layer turns the residual stream: block influence (ShortGPT, arXiv 2403.03853) of layers, attention and MLPs, and the angle over n layers
(arXiv 2403.17887).`,
      remarks: [importance],
      figures: [
        {
          experiment: "layer-importance",
          title: "Importance of layers",
          caption:
            "Influence is 1 − cos between the stream before and after; dots mark, for every n, the layers that turn it least.",
        },
      ],
    },
    {
      heading: "Importance of heads",
      intro: prose`Every attention head by itself put to zero before the output projection.`,
      remarks: [heads],
      figures: [
        {
          experiment: "head-importance",
          title: "Silencing single attention heads",
          caption: "Divergence from the untouched model’s predictions.",
        },
      ],
    },
    {
      heading: "A benchmark under deletion, swap and repetition",
      intro: prose`Whether the model still finds the last word of passages in which that word stands before, as in LAMBADA (or, of a data set with choices, the right one).`,
      remarks: [accuracy],
      figures: [
        { experiment: "benchmark", title: "Accuracy with one layer changed", caption: "Errors are clustered by passage." },
      ],
      tables: [accuracyTable],
    },
    {
      heading: "Probes of labelled spans",
      intro: prose`Where a data set labels spans (a word’s sense, say), logistic regression on the residual stream at their last token, layer by layer.`,
      remarks: [spans],
      figures: [{ experiment: "span-probe", title: "Probes of labelled spans", caption: "Accuracy, cross-validated by text." }],
    },
  ],
};
