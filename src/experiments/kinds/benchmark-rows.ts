/**
 * What rows of a benchmark ask, as token ids. The boundary between a context and what is scored: the context without the
 * spaces at its end and the whole are tokenized each by itself, and the whole's tokens after those that both begin with
 * are scored. Where the tokenizer does not merge across the boundary (at a space it does not) that is what
 * lm-evaluation-harness scores; where it does, the merged token is scored too, so that nothing of a choice is left out.
 */
import type { NumberedRow } from "./rows.ts";

/** A text of which the last tokens are scored. */
export interface Sequence {
  readonly tokens: Int32Array;
  /** How many, at least one; at least one comes before them. */
  readonly scored: number;
}

/** One row: its choices, or the one text whose last word is asked for. */
export interface Item {
  readonly sequences: readonly Sequence[];
  /** Length of each choice in characters (code points, as Python's len), and in UTF-8 bytes. */
  readonly characters: readonly number[];
  readonly bytes: readonly number[];
  /** The right one. */
  readonly answer: number;
}

/**
 * `context`, `choices`, `answer` (a choice's number or its text). A choice follows its context after one space, unless the
 * context ends or the choice begins with white space.
 */
export function multipleChoice(row: NumberedRow): Item {
  const context = row.text("context");
  const choices = choicesOf(row);
  const stem = context.trimEnd();
  const spaces = context.slice(stem.length);
  const sequences = choices.map((choice, i) => {
    const between = spaces !== "" || stem === "" || /^\s/u.test(choice) ? spaces : " ";
    return sequenceOf(row, stem, `${stem}${between}${choice}`, `with choice ${i}`);
  });
  return { sequences, ...lengthsOf(choices), answer: answerOf(row, choices) };
}

/** `text`: its last word, what follows the last white space, after the rest. White space at the end is left out. */
export function lastWord(row: NumberedRow): Item {
  const text = row.text("text").trimEnd();
  const word = /\S+$/u.exec(text)?.[0] ?? row.refuse("has no word in it", "text");
  const stem = text.slice(0, text.length - word.length).trimEnd();
  if (stem === "") row.refuse(`has one word only, ${JSON.stringify(word)}: nothing to predict it from`, "text");
  return { sequences: [sequenceOf(row, stem, text, "as a whole")], ...lengthsOf([word]), answer: 0 };
}

function lengthsOf(choices: readonly string[]): Pick<Item, "characters" | "bytes"> {
  return {
    characters: choices.map((choice) => [...choice].length),
    bytes: choices.map((choice) => Buffer.byteLength(choice)),
  };
}

function choicesOf(row: NumberedRow): string[] {
  const { choices } = row.fields;
  if (!Array.isArray(choices) || !choices.every((choice) => typeof choice === "string"))
    return row.refuse('has no "choices" that are a list of texts', "choices");
  if (choices.length < 2)
    row.refuse(`has ${choices.length} ${choices.length === 1 ? "choice" : "choices"}; at least 2 are needed`, "choices");
  const empty = choices.findIndex((choice) => choice.trim() === "");
  if (empty >= 0) row.refuse(`has an empty choice, number ${empty}`, "choices");
  return choices;
}

function answerOf(row: NumberedRow, choices: readonly string[]): number {
  const { answer } = row.fields;
  if (typeof answer === "number") {
    if (Number.isInteger(answer) && answer >= 0 && answer < choices.length) return answer;
    return row.refuse(`has the answer ${answer}, but choices 0 to ${choices.length - 1}`, "answer");
  }
  if (typeof answer !== "string") return row.refuse('has no "answer" that is a choice\'s number or text', "answer");
  const found = choices.flatMap((choice, i) => (choice === answer ? [i] : []));
  if (found.length === 1) return found[0] as number;
  return row.refuse(`has the answer ${JSON.stringify(answer)}, which ${found.length} of its choices are`, "answer");
}

function sequenceOf(row: NumberedRow, stem: string, whole: string, which: string): Sequence {
  const tokens = row.encode(whole);
  const context = row.encode(stem);
  let shared = 0;
  while (shared < context.length && shared < tokens.length && context[shared] === tokens[shared]) shared++;
  if (shared === tokens.length) row.refuse(`has no token to score ${which}`);
  if (shared === 0) row.refuse(`has no token before what is scored ${which}: give a context, or prepend_bos`);
  return { tokens: Int32Array.from(tokens), scored: tokens.length - shared };
}
