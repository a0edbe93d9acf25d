import { deeperIsMoreRobust } from "../claims/across.ts";
import { ROBUSTNESS_CLAIMS } from "../claims/robustness.ts";
import { SCHEDULE_CLAIMS, SCHEDULE_REMARKS } from "../claims/schedules.ts";
import { robustnessTable } from "../tables/robustness.ts";
import { scheduleTable } from "../tables/schedules.ts";
import { em, place, places, prose } from "../text/inline.ts";
import type { Section } from "./section.ts";

export const ROBUSTNESS: Section = {
  id: "robustness",
  title: "Robustness to deletion and swap",
  parts: [
    {
      intro: prose`Each layer in turn is left out, or trades places with the next one, and the predictions q of the changed model are compared with those of the
untouched one, p, token by token. The paper finds that language models bear this remarkably well in the middle of their depth, and not at its ends; that a swap does
less than a deletion; and that deeper models bear more.`,
      claims: ROBUSTNESS_CLAIMS,
      across: deeperIsMoreRobust,
      figures: [
        {
          experiment: "layer-interventions",
          title: "Deleting and swapping layers",
          caption:
            "The paper’s Figure 3. Divergence and agreement with the untouched model, and the difference between a swap and a deletion of the same layer, token by token.",
        },
      ],
      tables: [robustnessTable],
    },
    {
      heading: "Other schedules",
      intro: prose`Later work goes on where the paper stops: each layer run twice in its place, and a whole middle left out, reversed, shuffled, run side by side, or
replaced by a single layer of it (${em("Transformer Layers as Painters")}, arXiv 2407.09298).${places(" Figures of these are in the ", [place("appendix", "appendix")], ".")}`,
      claims: SCHEDULE_CLAIMS,
      remarks: SCHEDULE_REMARKS,
      tables: [scheduleTable],
    },
  ],
};
