/**
 * Keeps this process small while an embedded database is open. Bun collects garbage when so much has come together as its
 * heap holds, and counts the database's memory into that, twice: hundreds of megabytes that nobody uses. So it is asked to
 * earlier. Other runtimes do without.
 */

/** Of the heap, since it was last collected. */
const ROOM_BYTES = 16 * 2 ** 20;
/** Looking takes some millionths of a second, collecting some hundredths. */
const LOOK_MS = 50;

const { Bun: bun } = globalThis as { readonly Bun?: { gc(now: boolean): void } };

/** Looks from time to time, until what is returned is called. */
export function collectGarbage(): () => void {
  if (!bun) return () => {};
  let least = Number.POSITIVE_INFINITY;
  const timer = setInterval(() => {
    const { heapUsed } = process.memoryUsage();
    // Bun has collected by itself.
    least = Math.min(least, heapUsed);
    if (heapUsed <= least + ROOM_BYTES) return;
    bun.gc(true);
    least = process.memoryUsage().heapUsed;
  }, LOOK_MS);
  timer.unref?.();
  return () => clearInterval(timer);
}
