/** The help texts, made from the commands themselves. */
import type { Command } from "./command.ts";
import { left, wrapped } from "./render/text.ts";
import type { View } from "./render/view.ts";

/** What `stratascope --help` prints. */
export function overview(commands: readonly Command[], view: View): string[] {
  const { bold, dim } = view.colours;
  const names = commands.map((command) => [command.name, command.operand].filter(Boolean).join(" "));
  const width = Math.max(...names.map((name) => name.length));
  return [
    "Stream what every layer of a language model predicts, while you take the layers apart.",
    "",
    bold("Commands"),
    ...commands.flatMap((command, i) => entry(names[i] ?? "", command.summary, width, view)),
    "",
    dim("stratascope COMMAND --help says more. --color keeps colours when piped."),
  ];
}

/** Words that fewer columns than these hold are not worth breaking for. */
const LEAST_TEXT = 24;

/** A name, and beside it what it is, in as many lines as that takes. */
function entry(name: string, text: string, width: number, { colours, width: columns }: View): string[] {
  const lines = wrapped(text.split(" "), Math.max(LEAST_TEXT, columns - 2 - width - 2));
  return lines.map((line, i) => `  ${left(i === 0 ? name : "", width)}  ${colours.dim(line)}`);
}

/** What `stratascope COMMAND --help` prints; `operands`: what else stands there. */
export function helpOf(command: Command, view: View, operands: readonly string[] = []): string[] {
  const { bold } = view.colours;
  const notes = command.notesOn?.(operands) ?? command.notes;
  const example = command.exampleOn?.(operands) ?? command.example;
  const sections = Object.entries(command.flagsOn?.(operands) ?? command.flags);
  const usage = ["stratascope", command.name, command.operand, sections.length > 0 && "[flags]"].filter(Boolean).join(" ");
  const spelled = (name: string, value: string | undefined) => `--${name}${value ? ` ${value}` : ""}`;
  const width = Math.max(
    ...sections.flatMap(([, flags]) => Object.entries(flags).map(([name, flag]) => spelled(name, flag.value).length)),
  );
  return [
    command.summary,
    "",
    `  ${usage}`,
    ...(notes ? ["", ...notes] : []),
    ...sections.flatMap(([title, flags]) => [
      "",
      bold(title),
      ...Object.entries(flags).flatMap(([name, flag]) => entry(spelled(name, flag.value), flag.help, width, view)),
    ]),
    ...(example ? ["", bold("Example"), `  ${example}`] : []),
  ];
}
