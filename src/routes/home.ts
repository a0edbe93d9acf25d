import { createRoute, z } from "@hono/zod-openapi";
import manifest from "../../package.json" with { type: "json" };
import { endpoint } from "./endpoint.ts";
import { problems } from "./problems.ts";

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stratascope</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color-scheme: light dark; }
pre { overflow-x: auto; padding: 1rem; border: 1px solid; border-radius: 0.4rem; }
</style>
</head>
<body>
<h1>Stratascope</h1>
<p>${manifest.description}</p>
<pre><code>curl -N localhost:3000/v1/runs -H 'content-type: application/json' \\
  -d '{"model": "prose-6m", "prompt": "She opened the door and", "interventions": [{"op": "delete", "layers": [5]}]}'</code></pre>
<ul>
<li><a href="docs">API reference</a> (<a href="openapi.json">OpenAPI document</a>)</li>
<li><a href="v1/models">Models</a> and <a href="v1/runs">runs</a></li>
<li><a href="healthz">Alive</a>, <a href="readyz">ready</a>, <a href="metrics">metrics</a></li>
</ul>
</body>
</html>
`;

/** `GET /` */
export const home = endpoint(
  createRoute({
    method: "get",
    path: "/",
    operationId: "home",
    tags: ["Service"],
    summary: "Where to go from here",
    security: [],
    responses: { 200: { description: "A page.", content: { "text/html": { schema: z.string() } } }, ...problems() },
  }),
  (c) => c.html(PAGE),
);
