/** The help texts, made from the commands themselves. */
import type { Command } from "./command.ts";
import { left } from "./render/text.ts";
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
    ...commands.map((command, i) => `  ${left(names[i] ?? "", width)}  ${dim(command.summary)}`),
    "",
    dim("stratascope COMMAND --help says more. --color keeps colours when piped."),
  ];
}

/** What `stratascope COMMAND --help` prints; `operands`: what else stands there. */
export function helpOf(command: Command, view: View, operands: readonly string[] = []): string[] {
  const { bold, dim } = view.colours;
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
      ...Object.entries(flags).map(([name, flag]) => `  ${left(spelled(name, flag.value), width)}  ${dim(flag.help)}`),
    ]),
    ...(example ? ["", bold("Example"), `  ${example}`] : []),
  ];
}
