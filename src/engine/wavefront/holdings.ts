/** The streams that a run holds, so that none outlives it. */
import type { Backend, Stream } from "../backend/backend.ts";

export class Holdings {
  readonly #backend: Backend;
  readonly #counts = new Map<Stream, number>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Takes over a stream that was returned to the run. */
  own(stream: Stream): Stream {
    this.#counts.set(stream, (this.#counts.get(stream) ?? 0) + 1);
    return stream;
  }

  /** Holds a stream once more. */
  retain(stream: Stream): Stream {
    return this.own(this.#backend.retain(stream));
  }

  release(stream: Stream): void {
    const count = this.#counts.get(stream);
    if (count === undefined) return; // the run is over, and all were released
    if (count > 1) this.#counts.set(stream, count - 1);
    else this.#counts.delete(stream);
    this.#backend.release(stream);
  }

  releaseAll(): void {
    for (const [stream, count] of this.#counts) for (let i = 0; i < count; i++) this.#backend.release(stream);
    this.#counts.clear();
  }
}
