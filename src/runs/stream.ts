/** A follower as a body: events as they come, a heartbeat while none do, and an end for those who cannot keep up. */
import type { Follower } from "./active-run.ts";
import type { Representation } from "./representations.ts";

export interface StreamOptions {
  readonly heartbeatMs: number;
  /** The client went away before the end. Not called when the stream was closed from here. */
  readonly gone?: () => void;
  /** Reading failed. */
  readonly failed?: (error: unknown) => void;
}

/** What a client reads that was closed because it read too slowly. */
export const TOO_SLOW = "closed: this client reads more slowly than events come; resume with Last-Event-ID";

/**
 * A byte stream of the follower's events. Nothing is queued here: the next events are taken when the client has read
 * the last ones, so what a slow client can hold is bounded by what its run keeps.
 */
export function eventStream(follower: Follower, form: Representation, options: StreamOptions): ReadableStream<Uint8Array> {
  let left = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (;;) {
            const batch = await follower.next(options.heartbeatMs);
            // They went away while events were waited for.
            if (left) return;
            if (typeof batch === "object") return controller.enqueue(form.encode(batch));
            const remark = batch === "end" ? null : form.comment(batch === "quiet" ? "heartbeat" : TOO_SLOW);
            if (remark) controller.enqueue(remark);
            if (batch !== "quiet") return controller.close();
            if (remark) return;
          }
        } catch (error) {
          options.failed?.(error);
          follower.close();
          controller.error(error);
        }
      },
      cancel() {
        left = true;
        follower.close();
        options.gone?.();
      },
    },
    { highWaterMark: 1 },
  );
}
