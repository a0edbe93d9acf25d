/**
 * What chunks leave behind in this process. Bun collects old garbage when its heap has about doubled, and counts an embedded
 * database's memory into it: hundreds of megabytes that nobody uses. So it is asked to as soon as some have come together.
 * Other runtimes do without.
 */

/** Resident memory that may come together: some seconds' worth; collecting it takes some hundredths of a second. */
const ROOM_BYTES = 16 * 2 ** 20;

const { Bun: bun } = globalThis as { readonly Bun?: { gc(now: boolean): void } };

export class Garbage {
  #bound = 0;

  /** For moments when somebody has finished something. */
  collect(): void {
    if (!bun) return;
    const bytes = process.memoryUsage.rss();
    if (this.#bound === 0) this.#bound = bytes + ROOM_BYTES;
    if (bytes <= this.#bound) return;
    bun.gc(true);
    // What is left is no garbage, or cannot be given back.
    this.#bound = process.memoryUsage.rss() + ROOM_BYTES;
  }
}
