/** What a command of the command line is. */
import type { CommandLine, Flags } from "./flags.ts";
import type { FieldFlags } from "./said.ts";
import type { Terminal } from "./terminal.ts";

export interface Command {
  readonly name: string;
  /** What follows the name, for the help. */
  readonly operand?: string;
  readonly summary: string;
  /** Flags under a heading, as the help lists them. */
  readonly flags: Readonly<Record<string, Flags>>;
  /** Sentences under the usage. */
  readonly notes?: readonly string[];
  /** Other ones, where the help is asked for with operands that there is more to say of; null: the usual ones. */
  notesOn?(operands: readonly string[]): readonly string[] | null;
  /** Its flags, and its example, where the help is asked for with such operands; null: the usual ones. */
  flagsOn?(operands: readonly string[]): Command["flags"] | null;
  exampleOn?(operands: readonly string[]): string | null;
  readonly example?: string;
  /** How its flags are spelled in the request that it sends, so that refusals speak of flags. */
  fields?(line: CommandLine): FieldFlags;
  run(line: CommandLine, terminal: Terminal): Promise<void>;
}
