/** The service that a command talks to: the one at `--url`, or one in this process for as long as the command takes. */
import { type Client, createClient, ServiceError } from "./client.ts";
import { type CommandLine, type Flags, flagValue } from "./flags.ts";
import { UsageError } from "./usage-error.ts";

export const SERVICE_FLAGS: Flags = {
  url: { value: "URL", help: "A running service; without it, one starts in this process for this command" },
  key: { value: "KEY", help: "The service's API key" },
};

/** Gives `use` a client, and ends what was started for it. `keeps`: what that writes stays in DATA_DIR. */
export async function withService<T>(line: CommandLine, use: (client: Client) => Promise<T>, keeps = false): Promise<T> {
  const url = flagValue(line, "url");
  const key = flagValue(line, "key");
  if (url !== undefined) {
    if (!/^https?:\/\/./.test(url))
      throw new UsageError(`--url is ${JSON.stringify(url)}; it must be like http://127.0.0.1:3000.`);
    return use(createClient(url, key));
  }
  const { startLocalService } = await import("./local-service.ts");
  const service = await startLocalService(keeps);
  try {
    return await use(createClient(service.url, service.key));
  } catch (error) {
    throw error instanceof ServiceError ? withRemedy(error) : error;
  } finally {
    await service.stop();
  }
}

/** Its data folder is another service's, which can be asked itself. */
function withRemedy(error: ServiceError): ServiceError {
  const { code, detail } = error.problem;
  if (code !== "store_unavailable" || !detail?.includes("is in use by process")) return error;
  return new ServiceError({ ...error.problem, detail: `${detail} If that is a service, ask it: --url http://127.0.0.1:3000.` });
}
