/** A model's download as events, for one who follows it. */
import { isOver } from "../hub/progress.ts";
import { downloadInfo } from "../hub/wire-progress.ts";
import type { Batch, Follower } from "../runs/active-run.ts";
import type { ModelEvent } from "../schemas/models.ts";
import { modelInfo } from "./model-info.ts";
import type { Services } from "./services.ts";

/** Nobody sees more, and a fast disk would make thousands of events a second. */
const INTERVAL_MS = 200;

/** `download` events while there is something new, not more often than a few a second; then the `model`. */
export function followModel(name: string, { models, engine }: Services): Follower {
  let seq = 0;
  let over = false;
  let sentAt = Number.NEGATIVE_INFINITY;
  let sent: unknown = null;
  let wake = (): void => {};
  const event = (
    data: Omit<Extract<ModelEvent, { type: "download" }>, "seq"> | Omit<Extract<ModelEvent, { type: "model" }>, "seq">,
  ): Batch => {
    const { type, ...fields } = data;
    seq++;
    return [{ type, seq, json: JSON.stringify({ type, seq, ...fields }) }];
  };
  return {
    async next(quietMs) {
      if (over) return "end";
      const { id, download, ...rest } = await models.look(name);
      if (!download || isOver(download.progress.current)) {
        over = true;
        return event({ type: "model", model: modelInfo({ id, download, ...rest }, engine.status()) });
      }
      const { progress } = download;
      if (progress.current === sent) await changed(progress, quietMs, (stop) => (wake = stop));
      if (progress.current === sent) return over ? "end" : "quiet";
      const wait = sentAt + INTERVAL_MS - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      sentAt = performance.now();
      sent = progress.current;
      return event({ type: "download", id, download: downloadInfo(progress.current) });
    },
    close() {
      over = true;
      wake();
    },
  };
}

/** Waits for the next change, for `ms`, or until it is stopped. */
function changed(
  progress: { listen(listener: () => void): () => void },
  ms: number,
  stoppable: (stop: () => void) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      clearTimeout(timer);
      unlisten();
      resolve();
    };
    const timer = setTimeout(stop, ms);
    const unlisten = progress.listen(stop);
    stoppable(stop);
  });
}
