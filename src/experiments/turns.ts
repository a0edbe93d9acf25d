/** Long work of the server itself, in turns: others get theirs between two steps. */

/** How long work goes on without a break. */
const TURN_MS = 10;

/** Runs steps to the end. */
export async function inTurns<T>(work: Generator<void, T>): Promise<T> {
  let began = performance.now();
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (performance.now() - began < TURN_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = performance.now();
  }
}
