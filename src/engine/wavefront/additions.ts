/** What a run's edits add: vectors at hand from the start, and values of sources that come while it runs. */
import type { ResolvedEdit, Term } from "../backend/backend.ts";
import type { RunJob } from "../protocol.ts";
import type { Addend, BlockUse, Edit, Site } from "../schedule.ts";
import type { Source, Taken } from "./source.ts";

/** Index of the job's own prompt among the sources, for `perResidual`. */
export const OWN_PROMPT = -1;

/** Per source (OWN_PROMPT: the job's prompt) and block, what edits take from it. */
export type Needs = ReadonlyMap<number, ReadonlyMap<number, ReadonlySet<Taken>>>;

/** What all edits of a job need of its sources. */
export function needsOf({ schedules }: RunJob): Needs {
  const needs = new Map<number, Map<number, Set<Taken>>>();
  const seen = new Set<BlockUse>();
  for (const use of schedules.flatMap(({ steps }) => steps.flat())) {
    if (seen.has(use)) continue;
    seen.add(use);
    for (const [source, taken] of needsOfUse(use)) {
      const blocks = needs.get(source) ?? new Map<number, Set<Taken>>();
      needs.set(source, blocks);
      blocks.set(use.block, (blocks.get(use.block) ?? new Set<Taken>()).add(taken));
    }
  }
  return needs;
}

function* needsOfUse({ edits }: BlockUse): Generator<readonly [source: number, taken: Taken]> {
  for (const { site, add } of edits ?? []) {
    for (const { from, index, perResidual } of add ?? []) {
      if (from === "source") yield [index, site];
      if (perResidual) yield [OWN_PROMPT, "norm"];
    }
  }
}

export class Additions {
  readonly #vectors: readonly Float32Array[];
  readonly #sources: ReadonlyMap<number, Source>;

  /** `vectors` are the job's; `sources` by their index, OWN_PROMPT among them where it is needed. */
  constructor(vectors: readonly Float32Array[], sources: ReadonlyMap<number, Source>) {
    this.#vectors = vectors;
    this.#sources = sources;
  }

  /** Whether all that a block's edits add is at hand. */
  isReady(use: BlockUse): boolean {
    for (const [source, taken] of needsOfUse(use)) if (!this.#sources.get(source)?.has(use.block, taken)) return false;
    return true;
  }

  /** The edits with their numbers; `isReady` is true. */
  resolve({ block, edits }: BlockUse): ResolvedEdit[] {
    return (edits ?? []).map((edit) => ({
      site: edit.site,
      ...(edit.head !== undefined && { head: edit.head }),
      ...(edit.neurons && { neurons: edit.neurons }),
      scale: edit.scale,
      terms: (edit.add ?? []).map((addend) => this.#term(block, edit.site, addend)),
      positions: edit.positions ? new Set(edit.positions) : null,
    }));
  }

  #term(block: number, site: Site, { from, index, times, perResidual }: Addend): Term {
    const unit = perResidual ? (this.#sources.get(OWN_PROMPT) as Source).meanNorm(block) : 1;
    if (from === "vector") return { values: this.#vectors[index] as Float32Array, stride: 0, times: times * unit };
    const source = this.#sources.get(index) as Source;
    const values = source.values(block, site);
    return { values, stride: values.length / source.length, times: times * unit };
  }
}

/** Whether an edit changes the residual stream itself. */
export function editsStream({ site }: Edit): boolean {
  return site === "resid_pre" || site === "resid_post";
}
