import { evidenceTable } from "../page/evidence-table.ts";
import { html } from "../page/html.ts";
import { segmentationInWords, stagesTable } from "../page/stages-table.ts";
import { resultOf } from "../results/outcome.ts";
import type { Section } from "./section.ts";

/** The paper's Table 1. */
export const STAGES_SECTION: Section = {
  id: "stages",
  title: "Table 1: are there four stages?",
  parts: [
    {
      intro: html`The paper draws the bounds of its stages by eye, and says that they overlap. Here all signals of a layer are taken together, each scaled to the same spread, and the
depth is cut into contiguous parts that explain most of them; four parts are called supported only where they explain more than parts of the same layers in random orders.`,
      remarks: [
        (of) => {
          const result = resultOf(of, "stages");
          return result && segmentationInWords(result);
        },
      ],
      extra: ({ models, findings }) =>
        models.some(({ outcomes }) => outcomes.has("stages")) ? stagesTable(models, findings) : null,
      tables: [evidenceTable],
      figures: [
        {
          experiment: "stages",
          title: "All signals, and the stages",
          caption:
            "Every signal of every layer; dashed lines are boundaries, grey their intervals, where the division is supported.",
        },
      ],
    },
  ],
};
