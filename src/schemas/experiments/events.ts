import { z } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";
import { Experiment, ExperimentProgress, ExperimentRow } from "./experiment.ts";

const seq = z.int().describe("Increases by one per event.");

export const ExperimentStateEvent = z
  .object({ type: z.literal("state"), seq, experiment: Experiment })
  .openapi("ExperimentStateEvent", { description: "The experiment, whenever its state has changed." });

export const ExperimentProgressEvent = z
  .object({
    type: z.literal("progress"),
    seq,
    ...ExperimentProgress.shape,
    rows: z.array(ExperimentRow).describe("The figure's main numbers so far, in the texts' order."),
  })
  .openapi("ExperimentProgressEvent");

export const ExperimentDoneEvent = z
  .object({
    type: z.literal("done"),
    seq,
    experiment_id: z.string(),
    summary: z.record(z.string(), z.unknown()),
    result: z.string().describe("Where the result is."),
  })
  .openapi("ExperimentDoneEvent");

export const ExperimentErrorEvent = z
  .object({ type: z.literal("error"), seq, experiment_id: z.string(), problem: Problem })
  .openapi("ExperimentErrorEvent", { description: "Failed or cancelled. After a resume, events go on." });

export const ExperimentEvent = z
  .discriminatedUnion("type", [ExperimentStateEvent, ExperimentProgressEvent, ExperimentDoneEvent, ExperimentErrorEvent])
  .openapi("ExperimentEvent");

/** The events gathered, as `application/json`. */
export const ExperimentEvents = z.object({ events: z.array(ExperimentEvent) }).openapi("ExperimentEvents");

export type ExperimentEvent = z.infer<typeof ExperimentEvent>;
