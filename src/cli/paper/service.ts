/** The service as a report asks it: over HTTP, its progress drawn on the terminal. */
import type { ReportService } from "../../report/gather/service.ts";
import { type Client, ServiceError } from "../client.ts";
import { experimentsOf } from "../experiments-client.ts";
import { followExperiment } from "../follow-experiment.ts";
import type { Terminal } from "../terminal.ts";

export function reportService(client: Client, terminal: Terminal): ReportService {
  const experiments = experimentsOf(client);
  const read = async <T>(path: string, init?: RequestInit) => (await (await client.send(path, init)).json()) as T;
  const model = (id: string) => `/v1/models/${encodeURIComponent(id)}`;
  return {
    model: (id) => read(model(id)),
    load: (id) => read(`${model(id)}/load`, { method: "POST" }),
    dataset: (name) => read(`/v1/datasets/${encodeURIComponent(name)}`),
    start: experiments.start,
    get: experiments.get,
    resume: experiments.resume,
    result: experiments.result,
    follow: (id, label, after) => followExperiment(experiments, id, terminal, { after, label }),
    problemIn: (error) => (error instanceof ServiceError ? error.problem : null),
  };
}
