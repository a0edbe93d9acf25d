/** Ranks are below 2²¹, so that a rank and a position make one exact number. */
const POSITIONS = 2 ** 32;

/** Merges that may be made: the lowest rank first, and of equal ones the leftmost. A binary heap. */
export class MergeQueue {
  /** Of what was popped last. */
  rank = 0;
  position = 0;
  readonly #heap: number[] = [];

  push(rank: number, position: number): void {
    const heap = this.#heap;
    const key = rank * POSITIONS + position;
    let i = heap.length;
    heap.push(key);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent] as number;
      if (above <= key) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = key;
  }

  /** Takes the first out; false: there is none. */
  pop(): boolean {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return false;
    this.rank = Math.floor(first / POSITIONS);
    this.position = first - this.rank * POSITIONS;
    if (heap.length > 0) this.#sink(last);
    return true;
  }

  /** Puts a key where the first was, and down to where it belongs. */
  #sink(key: number): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
      const below = heap[child] as number;
      if (below >= key) break;
      heap[i] = below;
      i = child;
    }
    heap[i] = key;
  }
}
