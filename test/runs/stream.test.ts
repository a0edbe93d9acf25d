import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ActiveRun } from "../../src/runs/active-run.ts";
import { FileLogs } from "../../src/runs/logs/file-logs.ts";
import { representation } from "../../src/runs/representations.ts";
import { eventStream, TOO_SLOW } from "../../src/runs/stream.ts";
import { wireEvent } from "../../src/runs/wire-event.ts";
import { header } from "../support/run-logs.ts";

const event = (seq: number, size = 10) => wireEvent("layer", seq, `"variant":"${"x".repeat(size)}"`);
const newRun = (keepBytes = 1e6) => new ActiveRun(new FileLogs(mkdtempSync(join(tmpdir(), "run-"))).create(header()), keepBytes);
const decode = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe("A stream", () => {
  it("Hands events over as they come, those that wait together as one piece", async () => {
    const run = newRun();
    const reader = eventStream(run.follow(0), await representation("text/event-stream"), { heartbeatMs: 1000 }).getReader();
    run.push([event(1)]);
    expect(decode((await reader.read()).value)).toBe(`id: 1\nevent: layer\ndata: ${event(1).json}\n\n`);
    const next = reader.read();
    await new Promise((resolve) => setTimeout(resolve, 10));
    run.push([event(2), event(3)]);
    expect(decode((await next).value)).toBe(
      `id: 2\nevent: layer\ndata: ${event(2).json}\n\nid: 3\nevent: layer\ndata: ${event(3).json}\n\n`,
    );
    run.end("completed");
    expect((await reader.read()).done).toBe(true);
  });

  it("Sends a heartbeat while nothing happens", async () => {
    const run = newRun();
    const reader = eventStream(run.follow(0), await representation("text/event-stream"), { heartbeatMs: 5 }).getReader();
    expect(decode((await reader.read()).value)).toBe(": heartbeat\n\n");
    run.push([event(1)]);
    expect(decode((await reader.read()).value)).toContain("id: 1\n");
  });

  it("Closes on a client that cannot keep up, says why, and lets it resume without loss", async () => {
    const run = newRun(5000);
    const form = await representation("text/event-stream");
    const slow = eventStream(run.follow(0), form, { heartbeatMs: 1000, gone: () => expect.unreachable() }).getReader();
    run.push([event(1)]);
    await slow.read();
    for (let seq = 2; seq <= 200; seq++) run.push([event(seq, 100)]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    let text = "";
    for (;;) {
      const { done, value } = await slow.read();
      if (done) break;
      text += decode(value);
    }
    expect(text.endsWith(`: ${TOO_SLOW}\n\n`)).toBe(true);
    const last = Number([...text.matchAll(/^id: (\d+)$/gm)].at(-1)?.[1] ?? 1);
    expect(last).toBeLessThan(200);
    run.end("completed");
    const seqs: number[] = [];
    const resumed = run.follow(last);
    for (let batch = await resumed.next(1000); typeof batch === "object"; batch = await resumed.next(1000)) {
      seqs.push(...batch.map(({ seq }) => seq));
    }
    expect(seqs).toEqual(Array.from({ length: 200 - last }, (_, i) => last + 1 + i));
  });

  it("Is never too slow for one large event", async () => {
    const run = newRun(5000);
    const reader = eventStream(run.follow(0), await representation("application/x-ndjson"), { heartbeatMs: 1000 }).getReader();
    run.push([event(1)]);
    await reader.read();
    run.push([event(2, 50_000), event(3, 50_000)]);
    run.push([event(4, 50_000)]);
    run.end("completed");
    let seen = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read())
      seen += decode(next.value).split("\n").length - 1;
    expect(seen).toBe(3);
  });

  it("Tells when the client goes away", async () => {
    const run = newRun();
    let gone = 0;
    const stream = eventStream(run.follow(0), await representation("text/event-stream"), {
      heartbeatMs: 60_000,
      gone: () => gone++,
    });
    const reader = stream.getReader();
    run.push([event(1)]);
    await reader.read();
    await reader.cancel();
    expect(gone).toBe(1);
  });
});
