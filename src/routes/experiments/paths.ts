/** Parts of experiments' contracts that several routes share. */
import { z } from "@hono/zod-openapi";

/** The id of an experiment in a path. */
export const ExperimentPath = z.object({
  id: z.string().openapi({
    param: { name: "id", in: "path", description: "The experiment's id." },
    examples: ["01k2x3y4z5a6b7c8d9e0f1g2h3"],
  }),
});

export const EXPERIMENT_LOCATION = { description: "Where the experiment is.", schema: { type: "string" as const } };
