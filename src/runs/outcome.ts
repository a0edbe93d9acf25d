/** How runs end, as their last events tell it. */
import type { ProblemDocument } from "../schemas/problem.ts";
import type { WireEvent } from "./wire-event.ts";

export type Outcome = "completed" | "failed" | "cancelled";

/** The problem that an `error` event carries. */
export function problemOf({ type, json }: WireEvent): ProblemDocument | null {
  return type === "error" ? (JSON.parse(json) as { problem: ProblemDocument }).problem : null;
}

/** How a run ended that has this last event. */
export function outcomeOf(event: WireEvent): Outcome {
  if (event.type === "done") return "completed";
  return problemOf(event)?.code === "cancelled" ? "cancelled" : "failed";
}

/** The `error` event that ends a run, as its n-th event. */
export function errorEvent(seq: number, runId: string, problem: ProblemDocument): WireEvent {
  const fields = `"run_id":${JSON.stringify(runId)},"problem":${JSON.stringify(problem)}`;
  return { type: "error", seq, json: `{"type":"error","seq":${seq},${fields}}` };
}
