/** Standard normal numbers, the same for the same seed on every machine (mulberry32, Box–Muller). */
export class Noise {
  #state: number;
  /** The first numbers drawn; what comes after them is taken from here, since 3 GB of them would take minutes. */
  readonly #drawn = new Float32Array(2 ** 20);
  #count = 0;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Fills `into`, at most 2^20 values, with mean + deviation · normal. Independent for the first 2^20 of all calls. */
  fill(into: Float32Array, mean: number, deviation: number): void {
    const known = this.#count + into.length > this.#drawn.length ? this.#drawn.length - into.length : -1;
    const start = known < 0 ? this.#count : Math.floor(this.#uniform() * known);
    if (known < 0) this.#draw(into.length);
    const normals = this.#drawn.subarray(start, start + into.length);
    for (let i = 0; i < into.length; i++) into[i] = mean + deviation * (normals[i] as number);
  }

  #draw(count: number): void {
    const end = this.#count + count;
    for (; this.#count < end; this.#count++)
      this.#drawn[this.#count] = Math.sqrt(-2 * Math.log(1 - this.#uniform())) * Math.cos(2 * Math.PI * this.#uniform());
  }

  /** [0, 1) */
  #uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
}
