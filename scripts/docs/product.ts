/** The product as the pages show it: its service, and its command line. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "../../src/cli/client.ts";
import { experimentsOf } from "../../src/cli/experiments-client.ts";
import { startLocalService } from "../../src/cli/local-service.ts";
import type { ExperimentResult } from "../../src/experiments/result.ts";
import { fromWire } from "../../src/report/results/outcome.ts";
import { linkModels } from "../model-links.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
export const SHIPPED = "prose-6m";
/** What scripts/real-model/build.sh makes. */
export const REAL = "smollm2-135m-instruct-q4";

export interface Product {
  readonly client: Client;
  /** Models that are not on this machine: what is shown of them stays as it is. */
  readonly missing: readonly string[];
  /** Where a model lies. */
  folderOf(model: string): string;
  /** What a command prints; `fails`: it may say no. */
  command(args: readonly string[], fails?: boolean): string;
  /** An experiment, to its end. Throws where it is refused or fails. */
  experiment(body: object): Promise<{ readonly id: string; readonly result: ExperimentResult }>;
  stop(): Promise<void>;
}

/** Starts the service in this process, with data that go with it. */
export async function startProduct(): Promise<Product> {
  const { folder, missing } = linkModels([SHIPPED, REAL]);
  process.chdir(PROJECT);
  process.env.MODELS_DIR = folder;
  const service = await startLocalService(false);
  const client = createClient(service.url, service.key);
  const experiments = experimentsOf(client);
  return {
    client,
    missing,
    folderOf: (model) => join(folder, model),
    command(args, fails = false) {
      try {
        return execFileSync("node", ["bin/stratascope.mjs", ...args], { encoding: "utf8", env: process.env, maxBuffer: 2 ** 28 });
      } catch (error) {
        const { stdout } = error as { stdout?: string };
        if (fails && stdout) return stdout;
        throw error;
      }
    },
    async experiment(body) {
      const { id } = await experiments.start(body);
      for await (const event of experiments.events(id))
        if (event.type === "error") throw new Error(`the experiment ${JSON.stringify(body)} failed: ${event.problem.detail}`);
      return { id, result: fromWire(await experiments.result(id)) };
    },
    stop: () => service.stop(),
  };
}
