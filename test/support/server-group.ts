/** Servers that end with their test, whatever becomes of it. */
import { type Server, startServer } from "./server.ts";

export interface ServerGroup {
  start(environment?: Record<string, string>): Promise<Server>;
  /** SIGKILL to all that still run. */
  killAll(): Promise<void>;
}

export function serverGroup(common: Record<string, string> = {}): ServerGroup {
  const servers = new Set<Server>();
  return {
    async start(environment = {}) {
      const server = await startServer({ ...common, ...environment });
      servers.add(server);
      return server;
    },
    async killAll() {
      await Promise.all([...servers].map((server) => server.end("SIGKILL")));
      servers.clear();
    },
  };
}
