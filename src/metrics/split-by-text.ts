/** Training and test rows that share no text: rows of one text are not independent. The seed alone decides. */
import { pcg32, shuffled } from "./pcg32.ts";

/** Indices of rows, ascending. */
export interface Split {
  readonly train: Int32Array;
  readonly test: Int32Array;
}

/**
 * Splits rows by the text each belongs to (`textIds`, [n]). round(fraction × texts) texts train, at least one and not all.
 * Which ones depends on the seed and the order in which the texts first appear. RangeError for a fraction not between 0
 * and 1, or fewer than two texts.
 */
export function splitByText(textIds: ArrayLike<number>, fraction: number, seed: number): Split {
  if (!(fraction > 0 && fraction < 1)) throw new RangeError(`the training share lies between 0 and 1, not at ${fraction}`);
  const texts = shuffledTexts(textIds, seed);
  if (texts.length < 2) throw new RangeError(`rows of ${texts.length} texts cannot be split by text: at least 2 are needed`);
  const training = Math.min(Math.max(Math.round(fraction * texts.length), 1), texts.length - 1);
  return splitAt(textIds, new Set(texts.slice(training)));
}

/**
 * `folds` splits whose test parts hold every row once; folds differ by at most one text. RangeError for fewer than two
 * folds, or fewer texts than folds.
 */
export function foldsByText(textIds: ArrayLike<number>, folds: number, seed: number): Split[] {
  if (!(Number.isInteger(folds) && folds >= 2)) throw new RangeError(`cross-validation takes at least 2 folds, not ${folds}`);
  const texts = shuffledTexts(textIds, seed);
  if (texts.length < folds) throw new RangeError(`rows of ${texts.length} texts cannot be split into ${folds} folds by text`);
  return Array.from({ length: folds }, (_, fold) =>
    splitAt(textIds, new Set(texts.filter((_text, index) => index % folds === fold))),
  );
}

function shuffledTexts(textIds: ArrayLike<number>, seed: number): number[] {
  return shuffled([...new Set(Array.from(textIds))], pcg32(seed));
}

function splitAt(textIds: ArrayLike<number>, tested: ReadonlySet<number>): Split {
  const rows = Array.from(textIds, (_, row) => row);
  const isTested = (row: number) => tested.has(textIds[row] as number);
  return { train: Int32Array.from(rows.filter((row) => !isTested(row))), test: Int32Array.from(rows.filter(isTested)) };
}
