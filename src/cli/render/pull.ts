/** A download as lines: what has happened, and a bar for what is happening. */
import { type DownloadProgress, type FileProgress, totals } from "../../hub/progress.ts";
import { bar, cut, left } from "./text.ts";
import type { View } from "./view.ts";

/** Larger files are announced, and their tenths told where no bar can be drawn. */
const LARGE_BYTES = 10_000_000;

/** The bar of all files and what is known of the one that comes, on one line narrower than the terminal. */
export function pullLine(progress: DownloadProgress, bytesPerSecond: number | null, view: View): string {
  const { cyan, dim } = view.colours;
  if (progress.state === "resolving") return dim(" asking the hub …");
  if (progress.state === "waiting") return dim(" another process downloads this model; waiting for it …");
  const { doneBytes, totalBytes } = totals(progress);
  const share = totalBytes > 0 ? doneBytes / totalBytes : 0;
  const file = progress.files.find(({ state }) => state === "checking" || state === "downloading");
  const receiving = file?.state === "downloading" && bytesPerSecond !== null && bytesPerSecond > 0;
  const width = Math.max(8, Math.min(24, view.width - 66));
  const figures = [`${Math.floor(share * 100)}%`.padStart(4), `${bytes(doneBytes)} of ${bytes(totalBytes)}`];
  if (receiving) figures.push(`${bytes(bytesPerSecond)}/s`, duration((totalBytes - doneBytes) / bytesPerSecond));
  // What does not fit goes, the last first; the last column stays free, or some terminals would begin a new line.
  const room = view.width - width - 4;
  while (figures.join("  ").length > room) figures.pop();
  const shown = figures.join("  ");
  const name = file ? `${file.state === "checking" ? "checking " : ""}${file.path}` : "";
  const rest = room - shown.length - 2;
  return ` ${cyan(left(bar(share, width), width))} ${dim(shown)}${name && rest > 8 ? `  ${cut(name, rest)}` : ""}`;
}

/** What has happened between two looks, a line each. `tenths`: also how far large files are, for where no bar is drawn. */
export function pullNews(before: DownloadProgress | null, now: DownloadProgress, view: View, tenths: boolean): string[] {
  const { dim, green } = view.colours;
  const lines: string[] = [];
  if (now.commit !== null && now.commit !== before?.commit)
    lines.push(
      `${now.repo} ${dim(`at ${now.revision}${now.revision === now.commit ? "" : `, commit ${now.commit.slice(0, 12)}`}`)}`,
    );
  if (tenths && now.state === "waiting" && before?.state !== "waiting")
    lines.push("another process downloads this model; waiting for it");
  for (const [i, file] of now.files.entries()) {
    const past = before?.files[i];
    if (file.state === "completed") {
      if (past?.state !== "completed") lines.push(`  ${green("✓")} ${file.path}  ${dim(bytes(file.totalBytes))}`);
    } else if (tenths && file.totalBytes >= LARGE_BYTES && tenth(file) > (past ? tenth(past) : -1) && file.state !== "waiting")
      lines.push(`    ${file.path}  ${file.state} ${tenth(file) * 10}% of ${bytes(file.totalBytes)}`);
  }
  return lines;
}

function tenth({ doneBytes, totalBytes, state }: FileProgress): number {
  return state === "waiting" ? -1 : Math.floor((doneBytes / totalBytes) * 10);
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes in decimal units, three digits at most: 817 B, 1.23 MB. */
export function bytes(count: number): string {
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toPrecision(value < 10 ? 2 : 3)} ${UNITS[unit]}`;
}

/** Seconds as 0:07, 12:30 or 3:05:00. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
