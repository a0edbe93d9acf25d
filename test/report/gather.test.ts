/** What becomes of refusals and failures, with a service that answers by script: a real one fails too seldom. */
import { describe, expect, it } from "vitest";
import type { Client } from "../../src/cli/client.ts";
import { ServiceError } from "../../src/cli/client.ts";
import { audienceOn } from "../../src/cli/paper/audience.ts";
import { reportService } from "../../src/cli/paper/service.ts";
import { makeView } from "../../src/cli/render/view.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { gather } from "../../src/report/gather/gather.ts";
import { PAPER_EXPERIMENTS } from "../../src/report/plan/catalogue.ts";
import type { PaperRequest } from "../../src/report/plan/request.ts";
import type { Experiment } from "../../src/schemas/experiments/experiment.ts";
import { resultOf } from "../experiments/figures/results.ts";

const MODEL = {
  ...{ id: "m", family: "gpt2", revision: "r1", n_layers: 12, d_model: 192, n_heads: 6, d_mlp: 768, vocab_size: 4096 },
  ...{ context_length: 256, device: "cpu", precision: "float32", half: "folded", problem: null, state: "ready" },
  limits: { max_tokens: 256 },
};

type Answer = Partial<Experiment> | ServiceError;

interface Script {
  /** What starting one says, in turn. */
  readonly starts: readonly Answer[];
  /** The end of the events of any. */
  readonly ends?: "done" | "error";
  /** What is said of one that ended with an error. */
  readonly state?: Experiment["state"];
}

interface Asked {
  readonly bodies: Record<string, unknown>[];
  readonly keys: string[];
  readonly resumed: string[];
  readonly followedAfter: number[];
}

const FAILURE = { detail: "The engine gave up." };

/** A service that answers so, and what it was asked. */
function scripted({ starts, ends = "done", state = "failed" }: Script): { readonly client: Client; readonly asked: Asked } {
  const asked: Asked = { bodies: [], keys: [], resumed: [], followedAfter: [] };
  const answers = [...starts];
  const send = async (path: string, init: RequestInit = {}): Promise<Response> => {
    if (path.startsWith("/v1/models/")) return Response.json(MODEL);
    if (path.startsWith("/v1/datasets/")) return Response.json({ texts: 256, sha256: "d1" });
    if (path.endsWith("/resume")) {
      asked.resumed.push(path);
      return Response.json({});
    }
    if (path.includes("/result")) {
      const { table, ...rest } = resultOf("subjoiner-heads");
      return Response.json({ ...rest, ...table });
    }
    if (init.method !== "POST") return Response.json({ id: "e", state, error: FAILURE });
    asked.bodies.push(JSON.parse(init.body as string) as Record<string, unknown>);
    asked.keys.push((init.headers as Record<string, string>)["idempotency-key"] as string);
    const answer = answers.shift();
    if (answer instanceof ServiceError) throw answer;
    return Response.json({ id: "e", state: "queued", events: 1, ...answer });
  };
  const client: Client = {
    url: "http://scripted",
    send,
    async *events<Event>(path: string) {
      asked.followedAfter.push(Number(new URL(path, "http://scripted").searchParams.get("after")));
      yield { type: ends, problem: FAILURE } as Event;
    },
    get: async () => ({ status: 200, text: "" }),
    models: async () => [],
    async *run() {},
  };
  return { client, asked };
}

function terminalOf(lines: string[]): Terminal {
  const nothing = () => {};
  return {
    view: makeView(100, false),
    errorView: makeView(100, false),
    print: (...printed) => void lines.push(...printed),
    live: false,
    ...{ complain: nothing, progress: nothing, passing: nothing, clearProgress: nothing },
  };
}

async function gathered(kind: string, script: Script) {
  const lines: string[] = [];
  const { client, asked } = scripted(script);
  const terminal = terminalOf(lines);
  const experiments = PAPER_EXPERIMENTS.filter((each) => each.kind === kind);
  const request: PaperRequest = {
    ...{ models: ["m"], experiments, fields: { data: { dataset: "prose-heldout" } }, ownData: false },
    ...{ texts: undefined, tokens: undefined },
  };
  const { outcomes } = await gather(
    { service: reportService(client, terminal), request, version: "0.1.0", audience: audienceOn(terminal) },
    "m",
  );
  return { outcome: outcomes.get(kind), lines, asked };
}

const refusal = (detail: string, code: "invalid_request" | "store_unavailable" = "invalid_request") =>
  new ServiceError({ code, detail: "The request is not valid.", errors: [{ pointer: "/data", detail }] });

describe("gather", () => {
  it("What is refused is asked for in the next way, and the first reason kept", async () => {
    const { outcome, asked, lines } = await gathered("subjoiner-heads", {
      starts: [refusal("3 words of 4 tokens"), refusal("9 words of 3 tokens"), {}],
    });
    expect(asked.bodies.map(({ settings }) => settings)).toEqual(
      [4, 3, 2].map((tokens) => ({ max_words: 512, tokens_per_word: tokens })),
    );
    expect(outcome).toMatchObject({ state: "completed", refused: ["3 words of 4 tokens", "9 words of 3 tokens"] });
    expect(lines).toEqual(["m", " ✓ subjoiner-heads          64 texts × 128 tokens"]);
    expect(new Set(asked.keys).size).toBe(3);
  });

  it("What is refused in every way goes into the report, with the reason of the first", async () => {
    const { outcome, lines } = await gathered("subjoiner-heads", { starts: ["a", "b", "c"].map((reason) => refusal(reason)) });
    expect(outcome).toEqual({ state: "refused", reason: "a" });
    expect(lines.at(-1)).toBe(" – subjoiner-heads          a");
  });

  it("A way that is as good as the one before keeps no reason", async () => {
    const { outcome, asked } = await gathered("neuron-census", { starts: [refusal("takes no texts"), {}] });
    expect(asked.bodies.map(({ data }) => data)).toEqual([{ dataset: "prose-heldout" }, undefined]);
    expect(outcome).toMatchObject({ state: "completed", refused: [] });
  });

  it("One that was cancelled is resumed, and followed from there", async () => {
    const { outcome, asked } = await gathered("cka", { starts: [{ state: "cancelled", events: 17 }] });
    expect(asked).toMatchObject({ resumed: ["/v1/experiments/e/resume"], followedAfter: [17] });
    expect(outcome?.state).toBe("completed");
  });

  it("One that is completed is not followed", async () => {
    const { outcome, asked } = await gathered("cka", { starts: [{ state: "completed", events: 9 }] });
    expect(asked).toMatchObject({ resumed: [], followedAfter: [] });
    expect(outcome?.state).toBe("completed");
  });

  it("One that fails is told with its reason", async () => {
    const { outcome, lines } = await gathered("cka", { starts: [{}], ends: "error" });
    expect(outcome).toEqual({ state: "failed", reason: "The engine gave up." });
    expect(lines.at(-1)).toBe(" ✗ cka                      The engine gave up.");
  });

  it("A service that is lost, or an experiment that somebody else cancels, ends the command", async () => {
    await expect(gathered("cka", { starts: [refusal("no database", "store_unavailable")] })).rejects.toThrow(
      "The request is not valid.",
    );
    await expect(gathered("cka", { starts: [{}], ends: "error", state: "cancelled" })).rejects.toThrow("The engine gave up.");
  });
});
