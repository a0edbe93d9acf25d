import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { describe, expect, it } from "vitest";
import { RunEvent } from "../../src/schemas/events.ts";
import { PROBLEM_CODES } from "../../src/schemas/problem.ts";
import { RunRequest } from "../../src/schemas/run-request.ts";

describe("RunEvent", () => {
  it("Takes a layer event with nulls where a number is none", () => {
    const event = {
      type: "layer",
      seq: 4,
      variant: "intervened",
      step: 6,
      index: 6,
      layer: [4, 5],
      readout: [
        { position: 12, top: [{ id: 290, text: " and", logprob: -1.204 }], entropy_bits: null, target: null, logit_diff: [1.7] },
      ],
      norms: [{ position: 12, attn_out: null, mlp_out: 7.7, resid_post: 41 }],
    };
    expect(RunEvent.parse(event)).toEqual(event);
  });

  it("Tells events apart by type", () => {
    expect(RunEvent.options.map((option) => option.shape.type.value)).toEqual(["meta", "layer", "result", "done", "error"]);
    const problem = {
      type: "/problems/cancelled",
      title: "Cancelled",
      status: 499,
      detail: "The client went away.",
      code: PROBLEM_CODES[0],
    };
    expect(RunEvent.safeParse({ type: "error", seq: 2, run_id: "r", problem }).success).toBe(true);
  });
});

describe("The document", () => {
  it("Has every schema as a component, and nothing that is not JSON Schema 2020-12", () => {
    const app = new OpenAPIHono();
    app.openAPIRegistry.registerPath(
      createRoute({
        method: "post",
        path: "/v1/runs",
        request: { body: { content: { "application/json": { schema: RunRequest } } } },
        responses: { 200: { description: "The stream.", content: { "text/event-stream": { schema: RunEvent } } } },
      }),
    );
    const { components } = app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "t", version: "0" } });
    const schemas = components?.schemas ?? {};
    expect(Object.keys(schemas)).toEqual(
      expect.arrayContaining(["RunRequest", "Operation", "AblateOperation", "Layers", "RunEvent", "Problem"]),
    );
    expect(schemas.Operation).toMatchObject({ discriminator: { propertyName: "op" } });
    expect(schemas.Readout).toMatchObject({
      properties: { target: { anyOf: [{ $ref: "#/components/schemas/TargetToken" }, { type: "null" }] } },
    });
    expect(JSON.stringify(schemas)).not.toContain('"nullable"');
  });
});
