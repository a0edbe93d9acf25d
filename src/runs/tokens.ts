/** Tokens by their ids: which there are, and how they are shown. */
import { Problem } from "../problem.ts";
import type { Token } from "../schemas/events.ts";
import type { TokenName } from "../schemas/token-name.ts";
import type { ServedModel } from "./served-models.ts";

/** Refuses ids that the model does not have. */
export function checkIds(ids: readonly number[], model: ServedModel, field: string): void {
  const at = ids.findIndex((id) => id >= model.vocabSize);
  if (at >= 0) refuseId(ids[at] as number, model, `/${field}/${at}`);
}

/** Ids up to the vocabulary's last row are the model's; those beyond the tokenizer's last are rows of padding. */
function refuseId(id: number, { id: name, vocabSize }: ServedModel, pointer: string): never {
  refuse(pointer, `token id ${id} is not in the vocabulary of ${name}, which ends at ${vocabSize - 1}`);
}

/** Ids of tokens to follow. */
export function targetsOf(targets: readonly TokenName[], model: ServedModel): number[] {
  return targets.map((target, i) => tokenOf(target, model, `/readout/targets/${i}`));
}

/** The id of a token: of a text of exactly one, or an id of the vocabulary. */
export function tokenOf(name: TokenName, model: ServedModel, pointer: string): number {
  if (typeof name === "number") return name < model.vocabSize ? name : refuseId(name, model, pointer);
  const id = model.tokenizer.tokenId(name);
  if (id !== null) return id;
  const pieces = model.tokenizer.encode(name).map((piece) => JSON.stringify(model.tokenizer.text(piece)));
  return refuse(
    pointer,
    `${JSON.stringify(name)} is ${pieces.length} tokens of ${model.id} (${pieces.join(", ")}); exactly 1 can be named here`,
  );
}

/** A token as the wire shows it: its text, or that it is a row of padding, which has none. */
export function tokenAt(id: number, position: number, { tokenizer, tokenCount }: ServedModel): Token {
  if (id >= tokenCount) return { position, id, text: "", padding: true };
  const token = { position, id, text: tokenizer.text(id) };
  return tokenizer.isValidUtf8(id) ? token : { ...token, bytes: Buffer.from(tokenizer.bytes(id)).toString("base64") };
}

/** Refuses a field of the request. */
export function refuse(pointer: string, detail: string): never {
  throw new Problem("invalid_request", detail, [{ pointer, detail }]);
}
