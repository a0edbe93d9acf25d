/** What a command of the command line is. */
import type { CommandLine, Flags } from "./flags.ts";
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
  readonly example?: string;
  run(line: CommandLine, terminal: Terminal): Promise<void>;
}
