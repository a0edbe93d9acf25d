/** All endpoints, in the order of the documentation. */
import type { Config } from "../config.ts";
import { createRun } from "./create-run.ts";
import { deleteDataset, getDataset, listDatasets, putDataset } from "./datasets.ts";
import { deleteRun } from "./delete-run.ts";
import { docs, docsScript } from "./docs.ts";
import type { Endpoint } from "./endpoint.ts";
import { createExperiment } from "./experiments/create-experiment.ts";
import { deleteExperiment } from "./experiments/delete-experiment.ts";
import { experimentEvents } from "./experiments/experiment-events.ts";
import { experimentPng, experimentSvg } from "./experiments/experiment-figure.ts";
import { experimentFile, experimentFiles } from "./experiments/experiment-files.ts";
import { experimentResult } from "./experiments/experiment-result.ts";
import { getExperiment } from "./experiments/get-experiment.ts";
import { listExperiments } from "./experiments/list-experiments.ts";
import { resumeExperiment } from "./experiments/resume-experiment.ts";
import { getRun } from "./get-run.ts";
import { healthz, readyz } from "./health.ts";
import { home } from "./home.ts";
import { listRuns } from "./list-runs.ts";
import { metrics } from "./metrics.ts";
import { getModel, listModels, loadModel, unloadModel } from "./models.ts";
import { openapi } from "./openapi.ts";
import { runEvents } from "./run-events.ts";
import { tokenize } from "./tokenize.ts";

export function endpoints({ maxBodyBytes }: Config): readonly Endpoint[] {
  return [
    ...[createRun(maxBodyBytes), listRuns, getRun, runEvents, deleteRun],
    ...[createExperiment(maxBodyBytes), listExperiments, getExperiment, experimentEvents, experimentResult],
    ...[experimentSvg, experimentPng, experimentFiles, experimentFile, resumeExperiment, deleteExperiment],
    ...[listModels, getModel, loadModel, unloadModel, tokenize(maxBodyBytes)],
    ...[listDatasets, getDataset, putDataset, deleteDataset],
    ...[healthz, readyz, metrics, openapi, docs, docsScript, home],
  ];
}
