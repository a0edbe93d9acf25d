/** Every figure of the reference, of every fixture, as a client gets it: asked for over HTTP, computed, stored, read. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readToEnd, startExperiment } from "../support/experiment-client.ts";
import { FIGURE_CHECKS } from "../support/figure-checks.ts";
import { CHECKPOINTS, FIXTURES, readFixture } from "../support/fixtures.ts";
import { startService, type TestService } from "../support/service.ts";

let service: TestService;
beforeAll(async () => {
  service = await startService({ DATA_DIR: mkdtempSync(join(tmpdir(), "stratascope-")), MODELS_DIR: CHECKPOINTS });
});
afterAll(() => service.stop());

describe.each(FIXTURES)("%s", (model) => {
  const { figures, texts } = readFixture(model);

  it.each(FIGURE_CHECKS)("$name", async ({ request, check }) => {
    const id = await startExperiment(service, request(model, texts));
    expect((await readToEnd(service, id)).at(-1)?.type).toBe("done");
    await check(figures, async (table) => {
      const response = await fetch(`${service.url}/v1/experiments/${id}/result?table=${table}`);
      return (await response.json()).rows;
    });
  });
});
