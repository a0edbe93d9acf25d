import { segmentation } from "../claims/segmentation.ts";
import { evidenceTable } from "../tables/evidence.ts";
import { stagesTable } from "../tables/stages.ts";
import { prose } from "../text/inline.ts";
import type { Section } from "./section.ts";

/** The paper's Table 1. */
export const STAGES_SECTION: Section = {
  id: "stages",
  title: "Table 1: are there four stages?",
  parts: [
    {
      intro: prose`The paper draws the bounds of its stages by eye, and says that they overlap. Here all signals of a layer are taken together, each scaled to the same spread, and the
depth is cut into contiguous parts that explain most of them; four parts are called supported only where they explain more than parts of the same layers in random orders.`,
      remarks: [segmentation],
      tables: [stagesTable, evidenceTable],
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
