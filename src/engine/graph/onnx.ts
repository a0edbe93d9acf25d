/**
 * A small writer of ONNX graphs (onnx.proto, IR version 8, opset 17 and com.microsoft 1). Values are their names;
 * every name is unique in the whole model, so that branches of an `If` may read what stands outside of them.
 */
import type { TensorRef } from "../model-spec.ts";
import { ProtoWriter } from "./protobuf.ts";

/** TensorProto.DataType */
export const FLOAT = 1;
export const INT64 = 7;
export const BOOL = 9;
const DATA_TYPES = { F32: FLOAT, F16: 10, BF16: 16 } as const;

/** AttributeProto.AttributeType */
const ATTRIBUTE = { float: 1, int: 2, graph: 5, ints: 7 } as const;

export type Attribute = number | readonly number[] | { readonly float: number } | Graph;
/** A dimension: a size, or the name of one that is known at run time. */
export type Dim = number | string;

/** What all graphs of one model share: it hands out names that are unique in it, and knows how half types are held. */
export class Names {
  /** Half types stay what they are and are cast in every call; otherwise the casts are folded when the session is created. */
  readonly keepsHalf: boolean;
  /** Vectors of the checkpoint, which stand in the main graph: see `Graph.stored`. */
  readonly vectors = new Map<TensorRef, { readonly name: string; readonly proto: ProtoWriter }>();
  #next = 0;

  constructor(keepsHalf = false) {
    this.keepsHalf = keepsHalf;
  }

  fresh(prefix: string): string {
    return `${prefix}_${this.#next++}`;
  }
}

/** Rows `from` … `to` − 1 of a tensor's first axis. */
export interface Rows {
  readonly from: number;
  readonly to: number;
}

/** A graph under construction: the main one, or a branch of an `If`. */
export class Graph {
  readonly name: string;
  readonly names: Names;
  readonly #nodes: ProtoWriter[] = [];
  readonly #initializers: ProtoWriter[] = [];
  readonly #inputs: ProtoWriter[] = [];
  readonly #outputs: ProtoWriter[] = [];
  readonly #constants = new Map<string, string>();

  constructor(name: string, names: Names) {
    this.name = name;
    this.names = names;
  }

  /** A node with one output. */
  op(type: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}, domain = ""): string {
    return this.ops(type, inputs, 1, attributes, domain)[0] as string;
  }

  /** A node with `count` outputs, or with outputs of given names. */
  ops(
    type: string,
    inputs: readonly string[],
    outputs: number | readonly string[],
    attributes: Record<string, Attribute> = {},
    domain = "",
  ): readonly string[] {
    const names = typeof outputs === "number" ? Array.from({ length: outputs }, () => this.names.fresh(type)) : outputs;
    const node = new ProtoWriter();
    for (const input of inputs) node.string(1, input);
    for (const output of names) node.string(2, output);
    node.string(3, this.names.fresh(type)).string(4, type);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    if (domain) node.string(7, domain);
    this.#nodes.push(node);
    return names;
  }

  /** A node of onnxruntime's own operators. */
  contrib(type: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    return this.op(type, inputs, attributes, "com.microsoft");
  }

  /** An int64 constant, [n]; or a scalar. */
  int64(values: number | readonly number[]): string {
    const list = typeof values === "number" ? [values] : values;
    const raw = new Uint8Array(BigInt64Array.from(list, BigInt).buffer);
    return this.#constant(`i${JSON.stringify(values)}`, INT64, typeof values === "number" ? [] : [list.length], raw);
  }

  /** A float32 constant, [n]; or a scalar. */
  float32(values: number | readonly number[], shape?: readonly number[]): string {
    const list = typeof values === "number" ? [values] : values;
    const raw = new Uint8Array(Float32Array.from(list).buffer);
    return this.#constant(
      `f${JSON.stringify([values, shape])}`,
      FLOAT,
      shape ?? (typeof values === "number" ? [] : [list.length]),
      raw,
    );
  }

  /**
   * A checkpoint's tensor as float32, or `rows` of it: an initializer whose bytes stay in the safetensors file. Half
   * types are cast by a node, which onnxruntime folds when the session is created, or runs in every call: see `Names`.
   */
  weight(whole: TensorRef, rows?: Rows): string {
    const name = this.stored(whole, rows);
    return whole.type === "F32" ? name : this.op("Cast", [name], { to: FLOAT });
  }

  /**
   * A checkpoint's tensor, or `rows` of it, in the type that the file has. Whole vectors stand in the main graph, wherever
   * they are read: onnxruntime looks at every initializer once for each graph that its own is nested in, file and all.
   * Matrices do not: it packs only those of the graph that reads them.
   */
  stored(whole: TensorRef, rows?: Rows): string {
    if (rows || whole.shape.length > 1) {
      const { name, proto } = this.#external(rows ? rowsOf(whole, rows) : whole);
      this.#initializers.push(proto);
      return name;
    }
    const known = this.names.vectors.get(whole) ?? this.#external(whole);
    this.names.vectors.set(whole, known);
    return known.name;
  }

  #external(tensor: TensorRef): { name: string; proto: ProtoWriter } {
    const name = this.names.fresh(tensor.name);
    const proto = new ProtoWriter();
    for (const size of tensor.shape) proto.int(1, size);
    proto.int(2, DATA_TYPES[tensor.type]).string(8, name);
    // The sessions are created with "/" as the folder of external data: see session.ts.
    const entries = { location: tensor.file.slice(1), offset: String(tensor.offset), length: String(tensor.length) };
    for (const [key, value] of Object.entries(entries)) proto.message(13, new ProtoWriter().string(1, key).string(2, value));
    return { name, proto: proto.int(14, 1) };
  }

  /** Without a shape it may have any. */
  input(name: string, type: number, shape?: readonly Dim[]): string {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  output(name: string, type: number, shape?: readonly Dim[]): void {
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** GraphProto */
  encode(): ProtoWriter {
    const graph = new ProtoWriter();
    for (const node of this.#nodes) graph.message(1, node);
    graph.string(2, this.name);
    for (const initializer of this.#initializers) graph.message(5, initializer);
    for (const input of this.#inputs) graph.message(11, input);
    for (const output of this.#outputs) graph.message(12, output);
    return graph;
  }

  #constant(key: string, type: number, shape: readonly number[], raw: Uint8Array): string {
    const known = this.#constants.get(key);
    if (known) return known;
    const name = this.names.fresh("constant");
    const tensor = new ProtoWriter();
    for (const size of shape) tensor.int(1, size);
    this.#initializers.push(tensor.int(2, type).string(8, name).bytes(9, raw));
    this.#constants.set(key, name);
    return name;
  }
}

/** ModelProto of a main graph: the bytes that onnxruntime reads. */
export function encodeModel(graph: Graph): Uint8Array {
  const main = graph.encode();
  for (const { proto } of graph.names.vectors.values()) main.message(5, proto);
  const opset = (domain: string, version: number) => new ProtoWriter().string(1, domain).int(2, version);
  return new ProtoWriter()
    .int(1, 8)
    .string(2, "stratascope")
    .message(7, main)
    .message(8, opset("", 17))
    .message(8, opset("com.microsoft", 1))
    .finish();
}

function rowsOf(tensor: TensorRef, { from, to }: Rows): TensorRef {
  const [count = 1, ...rest] = tensor.shape;
  const rowBytes = tensor.length / count;
  return {
    ...tensor,
    shape: [to - from, ...rest],
    offset: tensor.offset + from * rowBytes,
    length: (to - from) * rowBytes,
  };
}

function attribute(name: string, value: Attribute): ProtoWriter {
  const proto = new ProtoWriter().string(1, name);
  if (value instanceof Graph) return proto.message(6, value.encode()).int(20, ATTRIBUTE.graph);
  if (typeof value === "number") return proto.int(3, value).int(20, ATTRIBUTE.int);
  if ("float" in value) return proto.float(2, value.float).int(20, ATTRIBUTE.float);
  for (const item of value) proto.int(8, item);
  return proto.int(20, ATTRIBUTE.ints);
}

function valueInfo(name: string, type: number, shape?: readonly Dim[]): ProtoWriter {
  const tensor = new ProtoWriter().int(1, type);
  if (shape) {
    const dims = new ProtoWriter();
    for (const dim of shape)
      dims.message(1, typeof dim === "number" ? new ProtoWriter().int(1, dim) : new ProtoWriter().string(2, dim));
    tensor.message(2, dims);
  }
  return new ProtoWriter().string(1, name).message(2, new ProtoWriter().message(1, tensor));
}
