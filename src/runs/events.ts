/** Engine events → the events of the wire. Token texts, names of variants and null for what is no number. */
import type { EngineEvent, LayerEvent, ReadoutRows, ResultEvent, RunJob } from "../engine/protocol.ts";
import type { Schedule } from "../engine/schedule.ts";
import { attributionJson, componentsJson, headNormsJson, neuronsJson } from "./capture-json.ts";
import { double, list, share, single, tensor } from "./numbers.ts";
import { type WireEvent, wireEvent } from "./wire-event.ts";

/** JSON text of a token, `"id":290,"text":" and"`, without braces. */
export type TokenJson = (id: number) => string;

/** What events say tokens with. */
export interface Vocabulary {
  readonly tokenJson: TokenJson;
  /** Ids from here on are rows of padding. */
  readonly tokenCount: number;
}

/** Writes the events of one run, numbered from 1. */
export class EventWriter {
  readonly #job: RunJob;
  readonly #token: TokenJson;
  readonly #tokenCount: number;
  readonly #names: readonly string[];
  readonly #neuronLayers: ReadonlySet<number> | null;
  #seq = 0;

  /** `neuronLayers`: those whose neurons are told; null: all. */
  constructor(job: RunJob, { tokenJson, tokenCount }: Vocabulary, neuronLayers: ReadonlySet<number> | null = null) {
    this.#job = job;
    this.#neuronLayers = neuronLayers;
    this.#token = tokenJson;
    this.#tokenCount = tokenCount;
    this.#names = job.schedules.map(({ name }) => JSON.stringify(name));
  }

  /** An event that is at hand as an object, `type` and `seq` left out. */
  object(type: WireEvent["type"], fields: object): WireEvent {
    return wireEvent(type, ++this.#seq, JSON.stringify(fields).slice(1, -1));
  }

  /** One event per variant of a step; none where the step was neither read out nor captured. */
  *layer(event: LayerEvent): Generator<WireEvent> {
    const parts = this.#parts(event);
    if (parts === "") return;
    const first = this.#job.schedules[event.variants[0] ?? 0] as Schedule;
    const fields = `${placeOf(first, event.step)}${parts}`;
    for (const variant of event.variants) yield wireEvent("layer", ++this.#seq, `"variant":${this.#names[variant]},${fields}`);
  }

  #parts(event: LayerEvent): string {
    const { positions } = this.#job.readout;
    let fields = "";
    if (event.readout) fields += `,"readout":${this.#readouts(event.readout, event.effect)}`;
    if (event.norms) fields += `,"norms":${this.#norms(event.norms)}`;
    if (event.patterns) fields += `,"patterns":[${event.patterns.map((rows) => this.#pattern(rows)).join()}]`;
    if (event.locality) fields += `,"attention_locality":[${event.locality.map(localityJson).join()}]`;
    if (event.headNorms)
      fields += `,"head_norms":[${event.headNorms.map((rows) => headNormsJson(rows, positions.length)).join()}]`;
    const neurons = event.neurons?.filter(({ block }) => this.#neuronLayers?.has(block) ?? true) ?? [];
    if (neurons.length > 0) fields += `,"neurons":[${neurons.map((rows) => neuronsJson(rows, positions)).join()}]`;
    if (event.residual) fields += `,"residual":${tensor(event.residual, positions.length)}`;
    if (event.components)
      fields += `,"components":[${event.components.map((rows) => componentsJson(rows, positions.length)).join()}]`;
    return fields;
  }

  result({ variants, comparisons, source }: ResultEvent): WireEvent {
    const results = variants.map(({ layers, final, attribution }, i) => {
      const schedule = this.#job.schedules[i] as Schedule;
      const steps = layers.map(
        ({ step, klFinalNats }) => `{${placeOf(schedule, step)},"kl_final_nats":${list(klFinalNats, double)}}`,
      );
      const parts = attribution ? `,"attribution":${attributionJson(attribution, this.#job)}` : "";
      return `{"name":${this.#names[i]},"layers":[${steps.join()}],"final":${this.#readouts(final)}${parts}}`;
    });
    const { positions, targets } = this.#job.readout;
    const pairs = Math.floor(targets.length / 2);
    const comparison = comparisons.flatMap((each) =>
      positions.map(
        (position, p) =>
          `{"variant":${this.#names[each.variant]},"position":${position},"kl_nats":${double(each.klNats[p])},` +
          `"top1_agreement":${each.top1Agreement[p] === true},"entropy_change_bits":${double(each.entropyChangeBits[p])},` +
          `"loss_change_nats":${double(each.lossChangeNats[p])}${effectJson(each.effect, p, pairs)}}`,
      ),
    );
    const told = source ? `,"source":${this.#readouts(source)}` : "";
    return wireEvent("result", ++this.#seq, `"variants":[${results.join()}],"comparison":[${comparison.join()}]${told}`);
  }

  #readouts(rows: ReadoutRows, effect?: Float32Array): string {
    const { positions, targets } = this.#job.readout;
    const count = positions.length;
    const k = rows.topIds.length / count; // topIds: [P, k]
    const m = 1 + targets.length; // followed: [P, m]
    let json = "[";
    for (let p = 0; p < count; p++) {
      json += `${p === 0 ? "" : ","}{"position":${positions[p]},"top":[`;
      for (let i = p * k; i < (p + 1) * k; i++) {
        json += `${i === p * k ? "" : ","}{${this.#token(rows.topIds[i] as number)},"logprob":${single(rows.topLogprobs[i])}}`;
      }
      json += `]${(rows.topRows[p] as number) < this.#tokenCount ? "" : ',"top_is_padding":true'},"entropy_bits":${single(rows.entropyBits[p])},"target":${this.#target(rows, p * m)}`;
      if (targets.length > 0) json += this.#followed(rows, p * m + 1, targets.length);
      json += `${effectJson(effect, p, Math.floor(targets.length / 2))}}`;
    }
    return `${json}]`;
  }

  #target(rows: ReadoutRows, i: number): string {
    const id = rows.followedIds[i] ?? -1;
    if (id < 0) return "null";
    return `{${this.#token(id)},"logprob":${single(rows.followedLogprobs[i])},"rank":${rows.followedRanks[i]}}`;
  }

  #followed(rows: ReadoutRows, from: number, count: number): string {
    const targets: string[] = [];
    const differences: string[] = [];
    for (let i = from; i < from + count; i++) {
      const logit = rows.followedLogits[i] as number;
      targets.push(
        `{${this.#token(rows.followedIds[i] as number)},"logit":${single(logit)},` +
          `"logprob":${single(rows.followedLogprobs[i])},"rank":${rows.followedRanks[i]}}`,
      );
      if ((i - from) % 2 === 1) differences.push(single((rows.followedLogits[i - 1] as number) - logit));
    }
    return `,"targets":[${targets.join()}]${differences.length > 0 ? `,"logit_diff":[${differences.join()}]` : ""}`;
  }

  #norms({ attnOut, mlpOut, residPost }: NonNullable<LayerEvent["norms"]>): string {
    const rows = this.#job.readout.positions.map(
      (position, p) =>
        `{"position":${position},"attn_out":${single(attnOut?.[p])},"mlp_out":${single(mlpOut?.[p])},` +
        `"resid_post":${single(residPost[p])}}`,
    );
    return `[${rows.join()}]`;
  }

  #pattern({ block, weights }: NonNullable<LayerEvent["patterns"]>[number]): string {
    const size = this.#job.tokens.length; // weights: [head, query, key]
    const rows: string[] = [];
    for (let at = 0; at < weights.length; at += size) rows.push(list(weights.subarray(at, at + size), share));
    const heads = Array.from({ length: rows.length / size }, (_, h) => `[${rows.slice(h * size, (h + 1) * size).join()}]`);
    return `{"layer":${block},"weights":[${heads.join()}]}`;
  }
}

/** `effect`: [P, pairs] */
function effectJson(effect: Float32Array | undefined, p: number, pairs: number): string {
  return effect ? `,"patch_effect":${list(effect.subarray(p * pairs, (p + 1) * pairs), single)}` : "";
}

function localityJson({ block, perCell, total, totalWithoutBos }: NonNullable<LayerEvent["locality"]>[number]): string {
  const table = (rows: readonly (readonly number[])[]) => `[${rows.map((row) => list(row, double)).join()}]`;
  return `{"layer":${block},"per_cell":${table(perCell)},"total":${table(total)},"total_without_bos":${table(totalWithoutBos)}}`;
}

/** Where an event stands, as JSON: `step`, `index`, the same number under the name that frames join by, and `layer`. */
function placeOf(schedule: Schedule, step: number): string {
  return `"step":${step},"index":${step},"layer":${layerOf(schedule, step)}`;
}

/** The block of a step as JSON: null for the embedding, a list for a parallel group. */
function layerOf({ steps }: Schedule, step: number): string {
  const uses = step === 0 ? undefined : steps[step - 1];
  if (!uses) return "null";
  return uses.length === 1 ? String(uses[0]?.block) : `[${uses.map(({ block }) => block).join()}]`;
}

/** Whether an engine event ends its run. */
export function endsRun(event: EngineEvent): event is Extract<EngineEvent, { type: "done" | "error" }> {
  return event.type === "done" || event.type === "error";
}
