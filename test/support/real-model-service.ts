import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { REAL_MODEL } from "./real-model.ts";
import { startService, type TestService } from "./service.ts";

/** A service that has the real model. */
export function realModelService(): Promise<TestService> {
  return startService({ MODELS_DIR: dirname(REAL_MODEL), DATA_DIR: mkdtempSync(join(tmpdir(), "stratascope-real-")) });
}
