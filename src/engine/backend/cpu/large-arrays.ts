/**
 * Streams of long prompts are megabytes each that Bun's collector does not hurry for: left alone, it keeps as many that
 * nobody uses as are in use. Other runtimes do without.
 */

/** Arrays below this come from calls that are short themselves. */
const LARGE_BYTES = 4 * 2 ** 20;
/** Made since it was last collected; a collection takes some milliseconds, a call that makes so much hundreds. */
const ROOM_BYTES = 32 * 2 ** 20;

const { Bun: bun } = globalThis as { readonly Bun?: { gc(now: boolean): void } };

export class LargeArrays {
  #bytes = 0;

  /** An array of so many numbers; makes room before, where much was made. */
  make(length: number): Float32Array {
    if (length * 4 >= LARGE_BYTES) {
      if (this.#bytes > ROOM_BYTES) {
        bun?.gc(true);
        this.#bytes = 0;
      }
      this.#bytes += length * 4;
    }
    return new Float32Array(length);
  }
}
