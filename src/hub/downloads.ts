/** The downloads of this process: one a model, however many ask for it. */
import { type HubName, hubId } from "../engine/checkpoint/hub-cache.ts";
import { Problem } from "../problem.ts";
import { isOver, ProgressKeeper } from "./progress.ts";
import type { HubOptions } from "./pull.ts";

export interface Download {
  readonly id: string;
  readonly progress: ProgressKeeper;
  /** Settles when it is over. */
  readonly done: Promise<void>;
}

/** Each takes a connection; more at once only make all of them slower. */
const MAX_ACTIVE = 4;
/** Failures that are remembered, so that those who look see why. */
const MAX_KEPT = 100;

export class Downloads {
  readonly #options: HubOptions;
  readonly #downloads = new Map<string, Download>();
  readonly #abort = new AbortController();

  constructor(options: HubOptions) {
    this.#options = options;
  }

  /** Joins the model's download, or starts it. Throws `queue_full` when too many are under way. */
  start(name: HubName): Download {
    const id = hubId(name);
    const known = this.#downloads.get(id);
    if (known && !isOver(known.progress.current)) return known;
    const active = this.list().filter(({ progress }) => !isOver(progress.current));
    if (active.length >= MAX_ACTIVE)
      throw new Problem(
        "queue_full",
        `${active.length} models are being downloaded, the most at once; try again when one is done.`,
      );
    const progress = new ProgressKeeper(name);
    const done = this.#pull(name, id, progress);
    done.catch(() => {}); // those who wait are told; those who do not can look
    const download = { id, progress, done };
    this.#downloads.delete(id);
    this.#downloads.set(id, download);
    for (const [oldest, { progress: kept }] of this.#downloads)
      if (this.#downloads.size > MAX_KEPT && isOver(kept.current)) this.#downloads.delete(oldest);
    return download;
  }

  /** One that is under way, or failed and was not tried again. */
  find(id: string): Download | undefined {
    return this.#downloads.get(id);
  }

  list(): Download[] {
    return [...this.#downloads.values()];
  }

  /** Ends all; what they have stays for the next time. */
  stop(): void {
    this.#abort.abort();
  }

  async #pull(name: HubName, id: string, progress: ProgressKeeper): Promise<void> {
    const { pullModel } = await import("./pull.ts");
    await pullModel(name, this.#options, progress, this.#abort.signal);
    // From here on it is a model like every other.
    if (this.#downloads.get(id)?.progress === progress) this.#downloads.delete(id);
  }
}
