import { readConfig } from "../../config.ts";
import { hubId, parseHubName } from "../../engine/checkpoint/hub-cache.ts";
import { type DownloadProgress, isOver, ProgressKeeper, totals } from "../../hub/progress.ts";
import { downloadInfo } from "../../hub/wire-progress.ts";
import type { Command } from "../command.ts";
import { isGiven, onePositional } from "../flags.ts";
import { pullLine, pullNews } from "../render/pull.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

const EXAMPLE = "pull openai-community/gpt2";
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** How often the bar is drawn, and how often an object is written. */
const DRAW_MS = 100;
const WRITE_MS = 500;
/** Speed is what came within this time. */
const SPEED_MS = 5000;

export const pullCommand: Command = {
  name: "pull",
  operand: "ORG/NAME[@REVISION]",
  summary: "Download a model from the hub into the cache that other programs share",
  flags: { Output: { json: { help: "Progress as JSON, one object a line" } } },
  notes: [
    "What was interrupted goes on from where it was. Every file is checked against the hub's hash.",
    "The environment says where: HF_HOME or HF_HUB_CACHE, HF_ENDPOINT for a mirror, HF_TOKEN for gated models.",
  ],
  example: `stratascope ${EXAMPLE}`,
  async run(line, terminal) {
    const typed = onePositional(line, "The model's name", EXAMPLE);
    const name = parseHubName(typed);
    if (!name)
      throw new UsageError(`${JSON.stringify(typed)} cannot be a model's name on the hub. Example: stratascope ${EXAMPLE}`);
    const { hub } = readConfig();
    const json = isGiven(line, "json");
    const progress = new ProgressKeeper(name);
    const report = json ? jsonReport(terminal) : textReport(terminal);
    const unlisten = progress.listen(() => report(progress.current));
    const abort = new AbortController();
    const stop = () => abort.abort();
    for (const signal of SIGNALS) process.on(signal, stop);
    try {
      const { pullModel } = await import("../../hub/pull.ts");
      const folder = await pullModel(name, hub, progress, abort.signal);
      terminal.clearProgress();
      const id = hubId(name);
      terminal.print(json ? JSON.stringify({ type: "model", id, folder }) : `${terminal.view.colours.bold(id)} is in ${folder}`);
    } finally {
      unlisten();
      for (const signal of SIGNALS) process.off(signal, stop);
    }
  },
};

/** Lines of what has happened and, on a terminal, a bar of what is happening. */
function textReport(terminal: Terminal): (progress: DownloadProgress) => void {
  let before: DownloadProgress | null = null;
  let drawnAt = Number.NEGATIVE_INFINITY;
  const speed = speedometer();
  return (progress) => {
    const news = pullNews(before, progress, terminal.errorView, !terminal.live);
    before = progress;
    const bytesPerSecond = speed(progress);
    if (news.length > 0) {
      terminal.clearProgress();
      terminal.complain(...news);
    } else if (performance.now() - drawnAt < DRAW_MS) return;
    drawnAt = performance.now();
    if (!isOver(progress)) terminal.passing(pullLine(progress, bytesPerSecond, terminal.errorView));
  };
}

function jsonReport(terminal: Terminal): (progress: DownloadProgress) => void {
  let state: DownloadProgress["state"] | null = null;
  let writtenAt = Number.NEGATIVE_INFINITY;
  return (progress) => {
    if (progress.state === state && performance.now() - writtenAt < WRITE_MS) return;
    ({ state } = progress);
    writtenAt = performance.now();
    terminal.print(JSON.stringify({ type: "download", download: downloadInfo(progress) }));
  };
}

/** Bytes a second that are received, over the last seconds; null until there is something to tell. */
function speedometer(): (progress: DownloadProgress) => number | null {
  const marks: { readonly at: number; readonly bytes: number }[] = [];
  return (progress) => {
    const now = performance.now();
    // Checking what was there before says nothing of the connection.
    if (!progress.files.some(({ state }) => state === "downloading")) marks.length = 0;
    else if (now - (marks.at(-1)?.at ?? 0) >= DRAW_MS) marks.push({ at: now, bytes: totals(progress).doneBytes });
    while (marks.length > 2 && now - (marks[0]?.at ?? now) > SPEED_MS) marks.shift();
    const [first, last] = [marks[0], marks.at(-1)];
    return first && last && last.at > first.at ? ((last.bytes - first.bytes) / (last.at - first.at)) * 1000 : null;
  };
}
