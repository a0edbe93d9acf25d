/** What a report asks of the service; whoever calls it says how. */
import type { DatasetInfo } from "../../schemas/datasets.ts";
import type { Experiment, ExperimentResult } from "../../schemas/experiments/experiment.ts";
import type { ModelInfo } from "../../schemas/models.ts";
import type { ProblemDocument } from "../../schemas/problem.ts";
import type { ExperimentBody } from "../plan/request.ts";

/** Everything throws what `problemIn` knows where the service says no. */
export interface ReportService {
  model(id: string): Promise<ModelInfo>;
  /** The same once it is loaded. */
  load(id: string): Promise<ModelInfo>;
  dataset(name: string): Promise<Pick<DatasetInfo, "texts" | "sha256">>;
  /** The same key gives the same experiment, however often it is sent. */
  start(body: ExperimentBody, key: string): Promise<Experiment>;
  get(id: string): Promise<Experiment>;
  resume(id: string): Promise<unknown>;
  result(id: string): Promise<ExperimentResult>;
  /** Ends when it is completed; after its event number `after`. Throws a Problem with the code `cancelled` where the person stops it. */
  follow(id: string, label: string, after: number): Promise<void>;
  /** What the service said; null: the error is of another kind. */
  problemIn(error: unknown): Partial<ProblemDocument> | null;
}
