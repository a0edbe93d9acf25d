/** A model on a GPU: streams stay on the device between the blocks; only what is captured comes back. */
import { type InferenceSession, Tensor } from "onnxruntime-node";
import type { ModelSpec } from "../../model-spec.ts";
import type { LoadOptions } from "../../session.ts";
import type { Backend, ReadoutChunk, Stream } from "../backend.ts";
import { ReadoutRunner, vectorsOf } from "../readout-runner.ts";
import { DeviceBlockRunner } from "./blocks.ts";
import { Residents } from "./residents.ts";
import { Chunk, consecutive, DeviceStream, onDevice } from "./streams.ts";
import { type Part, Transfers } from "./transfers.ts";

/** Takes over the sessions: closing it releases them. The blocks' outputs must be kept on the device. */
export async function webgpuBackend(
  blocks: InferenceSession,
  readout: InferenceSession,
  spec: ModelSpec,
  options: LoadOptions,
): Promise<Backend> {
  const d = spec.dModel;
  const transfers = await Transfers.create(options, d);
  const residents = await Residents.create(transfers, spec);
  const runner = new DeviceBlockRunner(blocks, spec, transfers, residents);
  const reader = new ReadoutRunner(readout, spec);
  const made = (tensor: Promise<Tensor>, count: number): Stream =>
    new DeviceStream(new Chunk(tensor, count), consecutive(0, count));
  const retain = (stream: Stream): Stream => {
    onDevice(stream).chunk.hold();
    return stream;
  };
  return {
    upload: (values) => made(transfers.upload(new Tensor("float32", values, [values.length / d, d])), values.length / d),
    take: (stream, positions) => {
      const { chunk, rows } = onDevice(stream);
      chunk.hold();
      return new DeviceStream(
        chunk,
        Int32Array.from(positions, (position) => rows[position] as number),
      );
    },
    mean: async (streams) => {
      const [first] = streams as [Stream];
      if (streams.length === 1) return retain(first);
      return made(transfers.mean(await transfers.gather(streams.map(onDevice), [streams.length, first.count])), first.count);
    },
    keep: (stream) => made(transfers.gather([onDevice(stream)], [stream.count]), stream.count),
    retain,
    release: (stream) => onDevice(stream).chunk.release(),
    runBlock: (block, rows) => runner.run(block, rows),
    readOut: async (chunk) => {
      if (chunk.rows instanceof Float32Array) return reader.run(chunk, vectorsOf(chunk.rows, d));
      const parts = partsOf(chunk.rows);
      const x = await transfers.gather(parts, [parts.reduce((sum, { rows }) => sum + rows.length, 0)]);
      return reader.run(chunk, x).finally(() => x.dispose());
    },
    close: async () => {
      residents.close();
      await transfers.close();
      await blocks.release();
      await readout.release();
    },
  };
}

/** The rows of all pieces; a lone one twice. */
function partsOf(pieces: Exclude<ReadoutChunk["rows"], Float32Array>): Part[] {
  const parts = pieces.map(({ stream, from, count }): Part => {
    const { chunk, rows } = onDevice(stream);
    return { chunk, rows: rows.subarray(from, from + count) };
  });
  const lone = parts.length === 1 && parts[0]?.rows.length === 1;
  return lone ? [...parts, ...parts] : parts;
}
