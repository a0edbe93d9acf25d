/** A text of an experiment as it was given: a text, token ids, or a chat. */
import type { Dataset } from "../datasets/datasets.ts";
import { Problem } from "../problem.ts";
import { refuse } from "../runs/tokens.ts";
import { Chat } from "../schemas/chat.ts";
import type { ExperimentData } from "../schemas/experiments/data.ts";
import { explain, fieldErrors } from "../schemas/field-errors.ts";

export type TextItem = string | readonly number[] | Chat;

/** Texts by their place, read when they are looked at. */
export interface TextItems {
  readonly length: number;
  at(index: number): TextItem;
}

/** Fields of a row that say a chat. */
const CHAT_FIELDS = ["messages", "add_generation_prompt", "template_arguments"] as const;

/** What a data set, or the request itself, gives as texts: of a row its `text`, or else its chat. null: there is no data. */
export function textItems(data: ExperimentData | undefined, dataset: Dataset | null): TextItems | null {
  if (data?.tokens) return itemsOf(data.tokens);
  if (data?.texts) return itemsOf(data.texts);
  if (data?.rows) {
    const { rows } = data;
    return { length: rows.length, at: (i) => ofRow(rows[i] ?? {}, `/data/rows/${i}`) ?? noText(`/data/rows/${i}`) };
  }
  if (!dataset) return null;
  // The data set itself says which line has no text.
  const at = (i: number) => ofRow(dataset.rows[i] ?? {}, "/data/dataset", `row ${i} of the data set ${dataset.name}: `);
  return { length: dataset.rows.length, at: (i) => at(i) ?? (dataset.texts[i] as string) };
}

export function isChat(item: TextItem): item is Chat {
  return typeof item === "object" && !Array.isArray(item);
}

/** Reads a chat of a data set: what is refused of it is said of its row, which the request has no pointer to. */
export function ofDataset<Read>(name: string, index: number, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Problem) || !error.errors) throw error;
    return refuse("/data/dataset", `row ${index} of the data set ${name}: ${error.message}`);
  }
}

function itemsOf(list: readonly TextItem[]): TextItems {
  return { length: list.length, at: (i) => list[i] as TextItem };
}

/** null: the row has neither. `subject`: begins what is refused, where the pointer does not say which row it is. */
function ofRow(row: Readonly<Record<string, unknown>>, pointer: string, subject?: string): TextItem | null {
  if (typeof row.text === "string") return row.text;
  if (row.messages === undefined) return null;
  const given = CHAT_FIELDS.filter((name) => row[name] !== undefined).map((name) => [name, row[name]]);
  const chat = Chat.safeParse(Object.fromEntries(given));
  if (chat.success) return chat.data;
  const errors = fieldErrors(chat.error);
  const [first] = errors;
  return subject === undefined && first
    ? refuse(`${pointer}${first.pointer}`, first.detail)
    : refuse(pointer, `${subject}${explain(errors)}`);
}

function noText(pointer: string): never {
  return refuse(pointer, 'the row has no "text" that is a text, and no "messages"');
}
