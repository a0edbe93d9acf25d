/** Whose call is next on one model: interactive runs', then in turn background runs' and the census's. */
import type { Census } from "./census/census.ts";
import type { Wavefront } from "./wavefront/wavefront.ts";

export class Turns {
  readonly #wavefront: Pick<Wavefront, "hasWork" | "isUrgent" | "step">;
  readonly #census: Pick<Census, "hasWork" | "step">;
  #counted = false;

  constructor(wavefront: Pick<Wavefront, "hasWork" | "isUrgent" | "step">, census: Pick<Census, "hasWork" | "step">) {
    this.#wavefront = wavefront;
    this.#census = census;
  }

  get hasWork(): boolean {
    return this.#wavefront.hasWork || this.#census.hasWork;
  }

  /** Whether somebody waits for the next call. */
  get isUrgent(): boolean {
    return this.#wavefront.isUrgent;
  }

  /** Makes one call. */
  async step(): Promise<void> {
    const counts = this.#census.hasWork && !this.isUrgent && !(this.#counted && this.#wavefront.hasWork);
    this.#counted = counts;
    await (counts ? this.#census.step() : this.#wavefront.step());
  }
}
