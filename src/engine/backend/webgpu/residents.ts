/** Inputs that come again with every call, held on the device: what changes nothing, rotary tables. */
import { LRUCache } from "lru-cache";
import type { Tensor } from "onnxruntime-node";
import type { ModelSpec } from "../../model-spec.ts";
import { neutralFeeds } from "../block-call.ts";
import type { Transfers } from "./transfers.ts";

/** Tables of prompts that are held, by block and length. */
const MAX_LENGTHS = 16;

export class Residents {
  readonly #transfers: Transfers;
  readonly #neutral: Record<string, Tensor>;
  /** By the tensor of this process, which is the same one as long as its length is known there. */
  readonly #held: LRUCache<Tensor, Tensor>;

  private constructor(transfers: Transfers, neutral: Record<string, Tensor>, tensorsOfLength: number) {
    this.#transfers = transfers;
    this.#neutral = neutral;
    this.#held = new LRUCache<Tensor, Tensor>({
      max: MAX_LENGTHS * tensorsOfLength,
      dispose: (tensor) => tensor.dispose(),
    });
  }

  static async create(transfers: Transfers, spec: ModelSpec): Promise<Residents> {
    const neutral: Record<string, Tensor> = {};
    for (const [name, tensor] of Object.entries(neutralFeeds(spec)))
      neutral[name] = tensor.type === "float32" ? await transfers.upload(tensor) : tensor;
    return new Residents(transfers, neutral, 2);
  }

  /** All inputs of a call: those given, from the device where it has them, over the neutral ones. */
  async feeds(given: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const feeds = { ...this.#neutral };
    for (const [name, tensor] of Object.entries(given)) feeds[name] = comesAgain(name) ? await this.#resident(tensor) : tensor;
    return feeds;
  }

  close(): void {
    this.#held.clear();
    for (const tensor of Object.values(this.#neutral)) if (tensor.location === "gpu-buffer") tensor.dispose();
  }

  async #resident(tensor: Tensor): Promise<Tensor> {
    const known = this.#held.get(tensor);
    if (known) return known;
    const made = await this.#transfers.upload(tensor);
    this.#held.set(tensor, made);
    return made;
  }
}

function comesAgain(name: string): boolean {
  return name.startsWith("rotary_");
}
