/** Experiments on a disk that is full for a while: a small one of the test's own, which only root can mount. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { until } from "../support/app.ts";
import {
  expectWhole,
  getExperiment,
  postExperiment,
  readToEnd,
  resultOf,
  startExperiment,
  sweepOf,
} from "../support/experiment-client.ts";
import { serverGroup } from "../support/server-group.ts";

const MIB = 2 ** 20;
const disk = mkdtempSync(join(tmpdir(), "stratascope-disk-"));
const isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${256 * MIB}`, "tmpfs", disk]).status === 0;
if (!isMounted) console.warn("The tests over a full disk are skipped: nothing can be mounted here.");

const filler = join(disk, "filler");
/** Until nothing more goes on it. */
function fill(): void {
  const file = openSync(filler, "w");
  try {
    for (const bytes of [MIB, 4096]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(bytes));
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
      }
    }
  } finally {
    closeSync(file);
  }
}
const empty = () => rmSync(filler, { force: true });

const request = sweepOf(20);
const servers = serverGroup();
afterEach(async () => {
  await servers.killAll();
  empty();
});
afterAll(() => {
  if (isMounted) spawnSync("umount", [disk]);
});

describe.skipIf(!isMounted)("On a full disk", () => {
  let undisturbed: Awaited<ReturnType<typeof resultOf>>;
  beforeAll(async () => {
    const server = await servers.start();
    const id = await startExperiment(server, request);
    await readToEnd(server, id);
    undisturbed = await resultOf(server, id);
    await server.end("SIGKILL");
  }, 120_000);

  test.each(["", "and a kill meanwhile"])(
    "An experiment pauses, says why, and goes on when there is room; runs go on %s",
    async (kill) => {
      const DATA_DIR = mkdtempSync(join(disk, "data-"));
      let server = await servers.start({ DATA_DIR });
      const id = await startExperiment(server, request);
      await until(async () => (await getExperiment(server, id)).progress.done > 0, 30_000);
      fill();
      await until(async () => (await getExperiment(server, id)).state === "paused", 30_000);
      expect((await getExperiment(server, id)).reason).toMatch(/No space left on device|ENOSPC/);
      expect(
        await (await server.post({ model: "prose-6m", prompt: "She opened", readout: { positions: "last" } })).text(),
      ).toContain("event: done");
      const ready = await fetch(`${server.url}/readyz`);
      expect([ready.status, (await ready.json()).code]).toEqual([503, "store_unavailable"]);
      expect((await postExperiment(server, request)).status).toBe(503);
      if (kill) {
        await server.end("SIGKILL");
        server = await servers.start({ DATA_DIR });
        await sleep(1500);
      }
      empty();
      expectWhole(await readToEnd(server, id));
      expect(await resultOf(server, id)).toEqual(undisturbed);
      await until(async () => (await fetch(`${server.url}/readyz`)).status === 200, 30_000);
    },
    120_000,
  );

  test("Nothing can be started, and everything when there is room", async () => {
    const DATA_DIR = mkdtempSync(join(disk, "data-"));
    fill();
    const server = await servers.start({ DATA_DIR });
    const refused = await postExperiment(server, request);
    expect([refused.status, (await refused.json()).code]).toEqual([503, "store_unavailable"]);
    empty();
    await until(async () => (await postExperiment(server, request, { "idempotency-key": "one" })).status === 201, 30_000);
    const { experiments } = await server.json("/v1/experiments");
    expect(experiments).toHaveLength(1);
    expectWhole(await readToEnd(server, experiments[0].id));
  }, 120_000);
});
