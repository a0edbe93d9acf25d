/** Another try after what may pass: a dropped connection, a busy server. */
import { setTimeout as sleep } from "node:timers/promises";
import { Problem } from "../problem.ts";
import { HubError } from "./transport.ts";

export interface RetryPolicy {
  /** Tries in a row that may fail; one that got further starts the count again. */
  readonly attempts: number;
  /** The first wait; each is twice the one before, up to `mostMs`. */
  readonly firstMs: number;
  readonly mostMs: number;
  /** A connection on which nothing comes for so long counts as dropped. */
  readonly stallMs: number;
}

export const RETRY: RetryPolicy = { attempts: 6, firstMs: 500, mostMs: 16_000, stallMs: 30_000 };

export interface RetryOptions {
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal;
  /** Whether the failed try got further than the one before. */
  readonly progressed?: () => boolean;
}

/** Tries until it works, the error is one that stays, or the tries are used up: then it is thrown. */
export async function retrying<T>(attempt: () => Promise<T>, { policy, signal, progressed }: RetryOptions): Promise<T> {
  for (let failures = 0; ; ) {
    try {
      signal.throwIfAborted();
      return await attempt();
    } catch (error) {
      if (signal.aborted) throw new Problem("cancelled", "The download was cancelled.");
      if (error instanceof Problem || (error instanceof HubError && !error.passing)) throw error;
      failures = progressed?.() ? 1 : failures + 1;
      if (failures >= policy.attempts) throw error;
      const usual = Math.min(policy.mostMs, policy.firstMs * 2 ** (failures - 1));
      const wait = error instanceof HubError ? Math.max(error.retryAfterMs ?? 0, usual) : usual;
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
  }
}
