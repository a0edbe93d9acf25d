import { describe, expect, it } from "vitest";
import { bytes, duration, pullLine, pullNews } from "../../src/cli/render/pull.ts";
import { textWidth } from "../../src/cli/render/text.ts";
import { makeView } from "../../src/cli/render/view.ts";
import type { DownloadProgress, FileProgress } from "../../src/hub/progress.ts";

const plain = makeView(80, false);
const file = (path: string, state: FileProgress["state"], doneBytes: number, totalBytes: number): FileProgress => ({
  ...{ path, state, doneBytes, totalBytes },
});
const at = (...files: FileProgress[]): DownloadProgress => ({
  ...{
    repo: "org/name",
    revision: "main",
    commit: "0123456789abcdef".padEnd(40, "0"),
    state: "downloading",
    files,
    problem: null,
  },
});

describe("A download's line", () => {
  const shards = [
    file("config.json", "completed", 800, 800),
    file("model-00001-of-00030.safetensors", "downloading", 1.2e9, 4.9e9),
  ];

  it("Shows the bar, bytes, speed, the time left and the file", () => {
    expect(pullLine(at(...shards), 35e6, plain)).toBe(
      " ███▍            24%  1.2 GB of 4.9 GB  35.0 MB/s  1:46  model-00001-of-00030…",
    );
  });

  it("Is narrower than the terminal, whatever it says", () => {
    for (const columns of [60, 80, 132])
      for (const rate of [null, 1, 999.7, 123_456_789])
        for (const state of ["checking", "downloading"] as const)
          for (const size of [0, 1, 999_950, 1e13]) {
            const progress = at(file("a".repeat(200), state, size / 3, size));
            expect(textWidth(pullLine(progress, rate, makeView(columns, false)))).toBeLessThan(columns);
          }
  });

  it("Says what is waited for before there are bytes", () => {
    expect(pullLine({ ...at(), state: "resolving" }, null, plain)).toBe(" asking the hub …");
    expect(pullLine({ ...at(), state: "waiting" }, null, plain)).toContain("another process downloads this model");
  });
});

describe("What has happened", () => {
  it("Is told once", () => {
    const first = at(file("config.json", "completed", 800, 800), file("model.safetensors", "downloading", 10, 2e9));
    expect(pullNews(null, first, plain, false)).toEqual(["org/name at main, commit 0123456789ab", "  ✓ config.json  800 B"]);
    expect(pullNews(first, first, plain, false)).toEqual([]);
  });

  it("Has the tenths of large files where no bar is drawn", () => {
    const parts = [0, 1e8, 2e8, 3.9e8, 2e9].map((done) => at(file("model.safetensors", "downloading", done, 2e9)));
    const told = parts.map((now, i) => pullNews(parts[i - 1] ?? now, now, plain, true));
    expect(told.flat()).toEqual([
      "    model.safetensors  downloading 10% of 2.0 GB",
      "    model.safetensors  downloading 100% of 2.0 GB",
    ]);
  });
});

describe("Figures", () => {
  it("Bytes have at most three digits", () => {
    expect([0, 999, 1000, 12_345, 999_499, 999_500, 1.5e9, 2e12].map(bytes)).toEqual([
      ...["0 B", "999 B", "1.0 kB", "12.3 kB", "999 kB", "1.0 MB", "1.5 GB", "2.0 TB"],
    ]);
  });

  it("Durations are clock times", () => {
    expect([0.2, 7, 65, 3725].map(duration)).toEqual(["0:01", "0:07", "1:05", "1:02:05"]);
  });
});
