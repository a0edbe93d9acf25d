import { STAGE_FOUR_CLAIMS, STAGE_FOUR_REMARKS } from "../claims/stage-four.ts";
import { STAGE_ONE_CLAIMS } from "../claims/stage-one.ts";
import { STAGE_THREE_CLAIMS } from "../claims/stage-three.ts";
import { STAGE_TWO_CLAIMS, STAGE_TWO_REMARKS } from "../claims/stage-two.ts";
import { censusTable } from "../tables/census.ts";
import { headTable } from "../tables/heads.ts";
import { em, place, places, prose } from "../text/inline.ts";
import type { Section } from "./section.ts";

/** Figures of sections before the fourth. */
const EARLIER = [
  place("figure-neuron-census", "the census"),
  place("figure-logit-lens", "the lens"),
  place("figure-component-norms", "the norms"),
];

/** The four sections, one a stage. */
export const STAGE_SECTIONS: readonly Section[] = [
  {
    id: "stage-1",
    title: "Stage 1: detokenization",
    parts: [
      {
        intro: prose`In the first layers, the paper says, local context turns raw tokens into words and names. The signs of it: attention to the tokens just before, heads
that join the tokens of one word (“subjoiner heads”), and attention that writes much, next to the MLPs.`,
        claims: STAGE_ONE_CLAIMS,
        figures: [
          {
            experiment: "attention-locality",
            title: "Attention to the previous tokens",
            caption:
              "The paper’s Figure 4: the mean over a layer’s heads of the weight on each of the tokens just before the one that looks; strokes are single heads.",
          },
          {
            experiment: "subjoiner-heads",
            title: "Heads that join the tokens of a word",
            caption:
              "The paper’s Figure 9. From a word’s last token back at its earlier ones, minus the same places seen from words of a single token; all heads are ranked, where the authors chose by eye.",
          },
          {
            experiment: "component-norms",
            title: "Attention over MLP, and norms",
            caption:
              "The paper’s Figures 5 and 7: the ratio of what attention and MLP add to the residual stream, as mean of ratios and as ratio of means; and the norms themselves.",
          },
        ],
        tables: [headTable],
      },
    ],
  },
  {
    id: "stage-2",
    title: "Stage 2: feature engineering",
    parts: [
      {
        intro: prose`Then, the paper says, features are refined, and none of it shows in the vocabulary: what a layer would predict (its ${em("logit lens")}) hardly comes nearer
to the final prediction, while attention still writes.`,
        claims: STAGE_TWO_CLAIMS,
        remarks: STAGE_TWO_REMARKS,
        figures: [
          {
            experiment: "logit-lens",
            title: "What every layer would predict",
            caption:
              "The paper’s Figures 6 (left) and 8: divergence from the final prediction, and entropy, of each layer’s own statistics through the final norm and the unembedding.",
          },
          {
            experiment: "logit-lens-frozen-norm",
            title: "The same through the lens of the paper’s first version",
            caption:
              "Every layer divided by the final layer’s norm scale, all biases left out: how the curves that were first published come about.",
          },
        ],
      },
    ],
  },
  {
    id: "stage-3",
    title: "Stage 3: prediction ensembling",
    parts: [
      {
        intro: prose`From about half-way on, the paper says, the stream turns towards the vocabulary: the lens falls, and neurons appear that speak for few tokens
(${em("prediction neurons")}: a high kurtosis of their cosines with the vocabulary, and a positive skew). Together they tell well what each of them tells badly.`,
        claims: STAGE_THREE_CLAIMS,
        figures: [
          {
            experiment: "neuron-census",
            title: "Prediction, suppression and partition neurons",
            caption:
              "The paper’s Figure 6 (right): neurons of each layer with a kurtosis above 10, by the sign of their skew, and with a variance above 0.005.",
          },
          {
            experiment: "suffix-probe",
            title: "Probes of neurons for a suffix",
            caption:
              "The paper’s Figure 10: logistic regression on activations, of single neurons and of ensembles, on texts that were not trained on.",
          },
        ],
        tables: [censusTable],
      },
    ],
  },
  {
    id: "stage-4",
    title: "Stage 4: residual sharpening",
    parts: [
      {
        intro: prose`At the end, the paper says, what is no longer needed is taken out again: neurons that speak against tokens outnumber the others, the last MLPs write
most, and the prediction gets sharper. Later versions call the stage ${em("calibration")}, and no longer ask that the entropy falls.${places(" The figures are those of ", EARLIER, ".")}`,
        claims: STAGE_FOUR_CLAIMS,
        remarks: STAGE_FOUR_REMARKS,
      },
    ],
  },
];
