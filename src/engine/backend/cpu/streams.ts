/** Residual streams in this process's memory: plain numbers, freed when nobody holds them. */
import { meanOf, takeRows } from "../../../metrics/vectors.ts";
import type { Stream } from "../backend.ts";

export class CpuStream implements Stream {
  /** [count, d] */
  readonly values: Float32Array;
  readonly count: number;

  constructor(values: Float32Array, d: number) {
    this.values = values;
    this.count = values.length / d;
  }
}

/** The numbers of a stream that this backend made. */
export function valuesOf(stream: Stream): Float32Array {
  return (stream as CpuStream).values;
}

/** What the CPU's backend does with streams; `d` is d_model. */
export function cpuStreams(d: number) {
  return {
    upload: (values: Float32Array): Stream => new CpuStream(values, d),
    take: (stream: Stream, positions: readonly number[]): Stream => new CpuStream(takeRows(valuesOf(stream), d, positions), d),
    mean: (streams: readonly Stream[]): Stream =>
      streams.length === 1 ? (streams[0] as Stream) : new CpuStream(meanOf(streams.map(valuesOf)), d),
    // What has its buffer to itself holds nothing else in memory.
    keep: (stream: Stream): Stream => {
      const values = valuesOf(stream);
      return values.byteLength === values.buffer.byteLength ? stream : new CpuStream(values.slice(), d);
    },
    retain: (stream: Stream): Stream => stream,
    release: (): void => {},
  };
}
