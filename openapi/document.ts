/** The OpenAPI document as it is committed. */
import { createApp } from "../src/app.ts";
import { readConfig } from "../src/config.ts";
import { createEngine } from "../src/engine/client.ts";
import { processOptions } from "../src/engine/options.ts";
import { openApiDocument } from "../src/routes/openapi.ts";

/** Nothing is started: an app over an engine that nobody asks. */
export function documentText(): string {
  const config = readConfig({});
  const engine = createEngine({ ...processOptions(config, "cpu"), idleSeconds: null, log: () => {} });
  return `${JSON.stringify(openApiDocument(createApp({ config, engine }).app), null, 2)}\n`;
}
