/**
 * Writes datasets/last-word.jsonl from datasets/prose-heldout.jsonl: passages whose last word stands in them before, in
 * another sentence, so that it can be told from the passage but not from its last sentence alone (the idea of LAMBADA, arXiv
 * 1606.06031; nobody was asked whether a reader can). Run: bun scripts/last-word.ts
 */
import { readFileSync, writeFileSync } from "node:fs";

interface Passage {
  readonly id: string;
  readonly source: string;
  readonly text: string;
}

/** Words of a passage, its last one included. */
const WORDS = { least: 32, most: 110 } as const;
/** Letters of a last word. */
const LEAST_LETTERS = 4;
/** Passages cut out of one text. */
const PER_TEXT = 4;
/** Passages with it are left out: a slur that one of the books has. */
const SLUR = /nigger/iu;
/** Words that stand anywhere: they say nothing about what was read. */
const COMMON = new Set(
  (
    "about above after again against almost also always another anything around away because been before being below between " +
    "both came cannot come could does doing done down during each either else enough even ever every everything from further " +
    "going gone have having here hers herself himself into itself just know like little long made make many might more most " +
    "much must myself never nothing once only other others ours ourselves over quite rather really said says same shall should " +
    "since some something still such sure than that their theirs them themselves then there these they thing things think this " +
    "those though thought through time under until upon very want well went were what when where which while whom will with " +
    "within without would your yours yourself"
  ).split(" "),
);

const folder = new URL("../datasets/", import.meta.url);
const texts = readFileSync(new URL("prose-heldout.jsonl", folder), "utf8").trimEnd().split("\n");
const rows = texts.flatMap((line) => passagesOf(JSON.parse(line) as Passage));
writeFileSync(new URL("last-word.jsonl", folder), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

/** The first passages of a text that fit, one after another. */
function passagesOf({ id, source, text }: Passage): Passage[] {
  const found: Passage[] = [];
  const starts = sentenceStarts(text);
  let free = 0;
  for (const end of text.matchAll(/(?<=[\s"'])(\p{L}+)(?=[.!?]["']?(?:\s|$))/gu)) {
    const [word] = end;
    const to = end.index + word.length;
    if (word.length < LEAST_LETTERS || COMMON.has(word.toLowerCase())) continue;
    const sentence = starts.findLast((start) => start < end.index) ?? 0;
    // The shortest passage that has the word before its last sentence.
    const from = starts.findLast(
      (start) => start >= free && start < sentence && fits(text.slice(start, to), text.slice(start, sentence), word),
    );
    if (from === undefined) continue;
    found.push({ id: `${id}-${found.length}`, source, text: text.slice(from, to) });
    free = to;
    if (found.length === PER_TEXT) break;
  }
  return found;
}

function fits(passage: string, before: string, word: string): boolean {
  if (SLUR.test(passage)) return false;
  const count = passage.split(/\s+/u).length;
  return count >= WORDS.least && count <= WORDS.most && new RegExp(`(?<!\\p{L})${word}(?!\\p{L})`, "u").test(before);
}

/** Where sentences begin: at the start, and after the white space behind an end. */
function sentenceStarts(text: string): number[] {
  const ends = text.matchAll(/(?<!\b(?:Mr|Mrs|Dr|Messrs|St))[.!?]["']?\s+(?=["']?\p{Lu})/gu);
  return [0, ...[...ends].map((end) => end.index + end[0].length)];
}
