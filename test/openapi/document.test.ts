/** The committed contract is what the routes say, and every event type is in it. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { documentText } from "../../openapi/document.ts";

const committed = readFileSync("openapi/openapi.json", "utf8");

test("openapi/openapi.json is fresh: `npm run openapi` writes it", () => {
  expect(documentText() === committed).toBe(true);
});

test("a run's answer is described in all four representations, every event type included", () => {
  const document = JSON.parse(committed);
  expect(document.openapi).toBe("3.1.0");
  const { content } = document.paths["/v1/runs"].post.responses[200];
  expect(Object.keys(content).sort()).toEqual([
    "application/json",
    "application/vnd.msgpack",
    "application/x-ndjson",
    "text/event-stream",
  ]);
  const types = Object.values(
    document.components.schemas as Record<string, { properties?: { type?: { const?: string; enum?: string[] } } }>,
  )
    .map(({ properties }) => properties?.type?.const ?? properties?.type?.enum?.[0])
    .filter(Boolean);
  expect(types).toEqual(expect.arrayContaining(["meta", "layer", "result", "done", "error"]));
});
