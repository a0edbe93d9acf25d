/** The command line, parsed strictly: an unknown flag, or one without its value, is refused with what is allowed. */
import { parseArgs } from "node:util";
import { UsageError } from "./usage-error.ts";

export interface Flag {
  /** What stands for the value in the help, e.g. `LAYERS`; absent: the flag takes none. */
  readonly value?: string;
  readonly help: string;
}

export type Flags = Readonly<Record<string, Flag>>;

export interface CommandLine {
  readonly positionals: readonly string[];
  /** Flags with their values ("" where there is none), in the order typed. */
  readonly given: readonly { readonly name: string; readonly value: string }[];
}

/** Splits `args` by `flags`; `--` ends the flags. */
export function parseFlags(args: readonly string[], flags: Flags): CommandLine {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [name, { type: flag.value ? "string" : "boolean", multiple: true } as const]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const positionals: string[] = [];
  const given: { name: string; value: string }[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined;
    if (!flag) throw new UsageError(`${token.rawName} is not a flag of this command. ${listOf(flags)}`);
    if (flag.value && (token.value === undefined || (!token.inlineValue && token.value.startsWith("--"))))
      throw new UsageError(`${token.rawName} needs a value: ${token.rawName} ${flag.value}. ${flag.help}.`);
    if (!flag.value && token.value !== undefined)
      throw new UsageError(`${token.rawName} takes no value; it was given ${JSON.stringify(token.value)}.`);
    given.push({ name: token.name, value: token.value ?? "" });
  }
  return { positionals, given };
}

/** The last value of a flag, or undefined. */
export function flagValue(line: CommandLine, name: string): string | undefined {
  return line.given.findLast((flag) => flag.name === name)?.value;
}

export function isGiven(line: CommandLine, name: string): boolean {
  return line.given.some((flag) => flag.name === name);
}

/** The one positional argument of a command. */
export function onePositional(line: CommandLine, what: string, example = `run "It was the best of" --delete 5`): string {
  const [first, ...rest] = line.positionals;
  if (first === undefined) throw new UsageError(`${what} is missing. Example: stratascope ${example}`);
  if (rest.length > 0) throw new UsageError(`${what} is one argument; ${line.positionals.length} were given: put it in quotes.`);
  return first;
}

function listOf(flags: Flags): string {
  return `Its flags: ${Object.keys(flags)
    .map((name) => `--${name}`)
    .join(", ")}.`;
}
