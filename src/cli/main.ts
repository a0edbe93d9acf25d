/** The command line: `stratascope COMMAND …`. Exit codes: 0 done, 1 the service, the hub or a check said no,
 * 2 the command line is wrong, 130 interrupted. */
import { ConfigError } from "../config.ts";
import { DeviceError } from "../engine/devices/device.ts";
import { Problem } from "../problem.ts";
import { problemDocument } from "../problem-document.ts";
import { ServiceError } from "./client.ts";
import type { Command } from "./command.ts";
import { certifyCommand } from "./commands/certify.ts";
import { demoCommand } from "./commands/demo.ts";
import { experimentCommand } from "./commands/experiment.ts";
import { experimentsCommand } from "./commands/experiments.ts";
import { modelsCommand } from "./commands/models.ts";
import { paperCommand } from "./commands/paper.ts";
import { patchCommand } from "./commands/patch.ts";
import { pullCommand } from "./commands/pull.ts";
import { runCommand } from "./commands/run.ts";
import { serveCommand } from "./commands/serve.ts";
import { sweepCommand } from "./commands/sweep.ts";
import { Failed } from "./failed.ts";
import { type CommandLine, parseFlags } from "./flags.ts";
import { helpOf, overview } from "./help.ts";
import { problemLines } from "./render/problem.ts";
import { createTerminal, type Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

const COMMANDS: readonly Command[] = [
  runCommand,
  sweepCommand,
  patchCommand,
  experimentCommand,
  experimentsCommand,
  paperCommand,
  modelsCommand,
  pullCommand,
  certifyCommand,
  serveCommand,
  demoCommand,
];

async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    terminal.print(...overview(COMMANDS, terminal.view));
    return 0;
  }
  const command = COMMANDS.find((one) => one.name === name);
  let line: CommandLine | undefined;
  try {
    if (!command) throw new UsageError(`${name} is not a command. Commands: ${COMMANDS.map((one) => one.name).join(", ")}.`);
    if (rest.includes("--help") || rest.includes("-h")) {
      const operands = rest.filter((arg) => !arg.startsWith("-"));
      terminal.print(...helpOf(command, terminal.view, operands));
      return 0;
    }
    line = parseFlags(rest, Object.assign({}, ...Object.values(command.flags)));
    await command.run(line, terminal);
    return 0;
  } catch (error) {
    terminal.clearProgress();
    if (error instanceof Failed) return 1;
    if (error instanceof UsageError) return complain(terminal, 2, error.message);
    if (error instanceof ConfigError || error instanceof DeviceError) return complain(terminal, 1, error.message);
    if (error instanceof ServiceError) {
      const fields = (line && command?.fields?.(line)) ?? [];
      return complain(terminal, 1, ...problemLines(error.problem, terminal.errorView, fields));
    }
    if (error instanceof Problem && error.code === "cancelled") return complain(terminal, 130, error.message);
    if (error instanceof Problem) {
      const { title, detail, errors } = problemDocument(error.data);
      return complain(terminal, 1, ...problemLines({ title, detail, ...(errors && { errors }) }, terminal.errorView));
    }
    throw error;
  }
}

function complain(terminal: Terminal, code: number, ...lines: readonly string[]): number {
  terminal.complain(...lines);
  return code;
}

const args = process.argv.slice(2);
const plain = args.filter((arg) => arg !== "--color" && arg !== "--no-color");
process.exitCode = await main(plain, createTerminal(args.includes("--color")));
