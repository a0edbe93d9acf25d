import { randomBytes } from "node:crypto";

/** Crockford's base 32: sorts as the number does. */
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
/** 48 bits of milliseconds, ids of one millisecond, and 70 random bits. */
const LENGTH = { time: 10, count: 2, random: 14 } as const;
const ID = /^[0-9a-hjkmnp-tv-z]{26}$/;

let lastTime = 0;
let count = 0;

/** A ULID in lower case, whose later ids sort after earlier ones within a millisecond too. */
export function newRunId(now = Date.now()): string {
  if (now > lastTime) {
    lastTime = now;
    count = 0;
  } else if (++count >= 32 ** LENGTH.count) {
    lastTime++;
    count = 0;
  }
  const random = Array.from(randomBytes(LENGTH.random), (byte) => DIGITS[byte % 32]).join("");
  return digits(lastTime, LENGTH.time) + digits(count, LENGTH.count) + random;
}

/** Whether a text has the form of a run's id: nothing else ever becomes a file name. */
export function isRunId(text: string): boolean {
  return ID.test(text);
}

/** When the id was made, in milliseconds since 1970. */
export function runIdTime(id: string): number {
  let time = 0;
  for (const digit of id.slice(0, LENGTH.time)) time = time * 32 + DIGITS.indexOf(digit);
  return time;
}

function digits(value: number, length: number): string {
  let text = "";
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32)) text = DIGITS[rest % 32] + text;
  return text;
}
