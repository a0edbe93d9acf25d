/** Residual streams of recent prompts at every block, so that a second intervention starts at its first changed step. */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Backend, Stream } from "../backend/backend.ts";
import type { RunJob } from "../protocol.ts";
import { type Step, stepKey } from "../schedule.ts";

/** All positions of a prompt after some steps. */
export interface Remembered {
  readonly stream: Stream;
  /** Of the last of these steps, [T] each; null: they were not computed. */
  readonly norms: RememberedNorms | null;
}

/** null: the component did not run. */
export interface RememberedNorms {
  readonly attnOut: Float32Array | null;
  readonly mlpOut: Float32Array | null;
  readonly residPost: Float32Array;
}

/** What one run may add of the memory: a prompt of thousands of tokens does not drive out all others. */
const SHARE_OF_A_RUN = 0.5;

export class RunMemory {
  readonly #backend: Backend;
  readonly #d: number;
  readonly #entries: LRUCache<string, Remembered>;
  /** Bytes that a run added. */
  readonly #added = new WeakMap<RunJob, number>();

  /** `maxBytes` bounds the streams that are held, the least recently used go first. */
  constructor(backend: Backend, d: number, maxBytes: number) {
    this.#backend = backend;
    this.#d = d;
    this.#entries = new LRUCache<string, Remembered>({
      maxSize: maxBytes,
      sizeCalculation: ({ stream, norms }) => stream.count * (d + (norms ? 3 : 0)) * 4,
      dispose: ({ stream }) => backend.release(stream),
    });
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  /** What is known; with `norms`, only where they are known too. The stream is held for the caller. */
  recall(key: string, norms: boolean): Remembered | undefined {
    const known = this.#entries.get(key);
    if (!known || (norms && !known.norms)) return undefined;
    this.#backend.retain(known.stream);
    return known;
  }

  /** Keeps a copy for a run, as long as it has its share. What has norms is not replaced by what has none. */
  remember(job: RunJob, key: string, stream: Stream, norms: RememberedNorms | null): void {
    const known = this.#entries.peek(key);
    const added = (this.#added.get(job) ?? 0) + stream.count * this.#d * 4;
    if (added > SHARE_OF_A_RUN * this.#entries.maxSize || (known && (known.norms || !norms))) return;
    this.#added.set(job, added);
    this.#entries.set(key, {
      stream: this.#backend.keep(stream),
      norms: norms && {
        attnOut: norms.attnOut?.slice() ?? null,
        mlpOut: norms.mlpOut?.slice() ?? null,
        residPost: norms.residPost.slice(),
      },
    });
  }

  /** Lets everything go. */
  clear(): void {
    this.#entries.clear();
  }
}

/** The key of a prompt before any step. */
export function promptKey(tokens: readonly number[]): string {
  return digest(Int32Array.from(tokens));
}

/** The key of what `parent` is the key of, one step further: by what the step computes, not by how the job numbers its vectors. */
export function keyAfter(parent: string, step: Step, job: RunJob): string {
  const meant = step.some(({ edits }) => edits?.some(({ add }) => add))
    ? step.map((use) => ({
        ...use,
        edits: use.edits?.map((edit) => ({
          ...edit,
          add: edit.add?.map((addend) => ({ ...addend, index: contentOf(addend, job) })),
        })),
      }))
    : null;
  return digest(`${parent} ${meant ? JSON.stringify(meant) : stepKey(step)}`);
}

function contentOf({ from, index }: { readonly from: "vector" | "source"; readonly index: number }, job: RunJob): string {
  if (from === "source") return promptKey(job.sources?.[index]?.tokens ?? []);
  const vector = job.vectors?.[index];
  return vector?.kind === "values" ? vector.key : JSON.stringify(vector);
}

function digest(content: string | Int32Array): string {
  return createHash("sha256").update(content).digest("base64");
}
