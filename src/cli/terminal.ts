/** What the commands write to: lines on standard output, what is passing on standard error. */
import { progressLine } from "./render/progress.ts";
import { type View, viewOf } from "./render/view.ts";

export interface Terminal {
  readonly view: View;
  /** How standard error looks, which may be a terminal where standard output is not. */
  readonly errorView: View;
  print(...lines: readonly string[]): void;
  complain(...lines: readonly string[]): void;
  /** Draws over the line before; nothing where standard error is no terminal. */
  progress(done: number, total: number): void;
  /** The same with any line. */
  passing(line: string): void;
  /** Whether standard error is a terminal, where lines can be drawn over. */
  readonly live: boolean;
  clearProgress(): void;
}

/** The process's own streams. `colour`: even when piped. */
export function createTerminal(colour: boolean): Terminal {
  const { stdout, stderr } = process;
  const [view, errorView] = [viewOf(stdout, colour), viewOf(stderr)];
  const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");
  const passing = (line: string) => {
    if (stderr.isTTY) stderr.write(`\r${line}\x1b[K`);
  };
  // Whoever reads may stop reading, as `head` does.
  stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  return {
    view,
    errorView,
    print: (...lines) => void stdout.write(text(lines)),
    complain: (...lines) => void stderr.write(text(lines)),
    live: stderr.isTTY === true,
    progress: (done, total) => passing(progressLine(done, total, errorView)),
    passing,
    clearProgress() {
      if (stderr.isTTY) stderr.write("\r\x1b[K");
    },
  };
}
