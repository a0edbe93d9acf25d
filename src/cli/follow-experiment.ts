/** An experiment followed to its end: its progress on one line, Ctrl-C to cancel it, twice to leave at once. */
import { Problem } from "../problem.ts";
import type { ExperimentEvent } from "../schemas/experiments/events.ts";
import { ServiceError } from "./client.ts";
import type { ExperimentsClient } from "./experiments-client.ts";
import { experimentLine } from "./render/experiment-line.ts";
import type { Terminal } from "./terminal.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** A second signal sooner than this is the first once more, handed on by the parent process. */
const SAME_MS = 300;
const INTERRUPTED = 130;

export interface FollowOptions {
  /** Of one that is resumed, the number of its last event before, which says how it had ended. */
  readonly after?: number;
  /** Stands before its progress. */
  readonly label?: string;
  /** Told of every event; progress is not drawn then. */
  readonly each?: (event: ExperimentEvent) => void;
}

/** Ends when it is completed. Throws `cancelled` after an interruption, or `ServiceError` with what it failed of. */
export async function followExperiment(
  client: ExperimentsClient,
  id: string,
  terminal: Terminal,
  { after = 0, label, each }: FollowOptions = {},
): Promise<void> {
  let cancelling: Promise<unknown> | null = null;
  let interruptedAt: number | null = null;
  const interrupt = () => {
    const now = performance.now();
    if (interruptedAt !== null && now - interruptedAt > SAME_MS) process.exit(INTERRUPTED);
    if (interruptedAt !== null) return;
    interruptedAt = now;
    terminal.passing("Cancelling … (once more leaves at once)");
    cancelling = client.remove(id);
    cancelling.catch((error: unknown) => {
      terminal.clearProgress();
      terminal.complain(`It could not be cancelled: ${error instanceof Error ? error.message : String(error)}`);
      process.exit(INTERRUPTED);
    });
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    for await (const event of client.events(id, after)) {
      each?.(event);
      if (event.type === "progress") {
        if (interruptedAt === null && !each) terminal.passing(experimentLine(event, terminal.errorView, label));
      } else if (event.type === "error") {
        // The answer to the cancelling may come after the event, and the service must not end before it.
        if (cancelling) await cancelling;
        if (interruptedAt !== null)
          throw new Problem("cancelled", `Cancelled. What was computed is kept: stratascope experiments resume ${id}`);
        throw new ServiceError(event.problem);
      } else if (event.type === "done") return;
    }
    throw new ServiceError({ title: "Cut off", detail: "The stream ended before the experiment did: the service closed it." });
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
    terminal.clearProgress();
  }
}
