/** Problems as RFC 9457 documents: one table from code to status and title. */
import type { ProblemCode, ProblemData } from "./problem.ts";
import type { ProblemDocument } from "./schemas/problem.ts";

/** HTTP's status and a short title of every problem. */
export const PROBLEMS: Readonly<Record<ProblemCode, readonly [status: number, title: string]>> = {
  invalid_request: [422, "The request has invalid fields"],
  invalid_intervention: [422, "The intervention cannot be applied"],
  not_found: [404, "There is no such resource"],
  model_not_found: [404, "There is no such model"],
  model_invalid: [422, "The model cannot be served"],
  model_busy: [409, "The model is in use"],
  model_too_large: [422, "The model does not fit into memory"],
  download_refused: [403, "The model may not be downloaded"],
  download_failed: [502, "The model could not be downloaded"],
  unauthorized: [401, "A key is needed"],
  not_acceptable: [406, "No such representation"],
  unsupported_media_type: [415, "The body has a type that is not accepted"],
  body_too_large: [413, "The body is too large"],
  run_too_large: [422, "The run is too large"],
  queue_full: [429, "Too many runs are waiting"],
  conflict: [409, "The resource is in another state"],
  draining: [503, "The service is shutting down"],
  engine_failed: [503, "The engine failed"],
  cancelled: [409, "The run was cancelled"],
  store_unavailable: [503, "The database cannot be used now"],
  timed_out: [503, "It took too long"],
  not_a_number: [422, "The model computed something that is not a number"],
  internal: [500, "Something failed inside the service"],
};

/** A problem as it stands in answers and in `error` events. `status` may be given where HTTP has a finer one. */
export function problemDocument(problem: ProblemData, requestId?: string, status?: number): ProblemDocument {
  const [usual, title] = PROBLEMS[problem.code];
  return {
    type: `urn:stratascope:problem:${problem.code}`,
    title,
    status: status ?? usual,
    detail: problem.detail,
    code: problem.code,
    ...(problem.errors ? { errors: problem.errors.map(({ pointer, detail }) => ({ pointer, detail })) } : {}),
    ...(requestId ? { request_id: requestId } : {}),
  };
}
