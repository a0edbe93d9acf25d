/** The API reference: Scalar, served from the installed package; nothing is fetched from anywhere else. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { createRoute, z } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";
import { endpoint } from "./endpoint.ts";
import { problems } from "./problems.ts";

const SCRIPT = new URL("../../node_modules/@scalar/api-reference/dist/browser/standalone.js", import.meta.url);

/** Only what this service serves may load. */
export const CONTENT_SECURITY =
  "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'";

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stratascope API</title>
</head>
<body>
<div id="app"></div>
<script src="docs/scalar.js"></script>
<script>
Scalar.createApiReference("#app", { url: "openapi.json", withDefaultFonts: false, telemetry: false, agent: { disabled: true }, mcp: { disabled: true }, showDeveloperTools: "never" });
</script>
</body>
</html>
`;

const html = { "text/html": { schema: z.string() } };

/** `GET /docs` */
export const docs = endpoint(
  createRoute({
    method: "get",
    path: "/docs",
    operationId: "docs",
    tags: ["Service"],
    summary: "The API reference",
    security: [],
    responses: { 200: { description: "A page.", content: html }, ...problems() },
  }),
  (c) => {
    c.header("Content-Security-Policy", CONTENT_SECURITY);
    return c.html(PAGE);
  },
);

/** `GET /docs/scalar.js` */
export const docsScript = endpoint(
  createRoute({
    method: "get",
    path: "/docs/scalar.js",
    operationId: "docsScript",
    tags: ["Service"],
    summary: "The script of the API reference",
    security: [],
    responses: {
      200: { description: "JavaScript.", content: { "text/javascript": { schema: z.string() } } },
      ...problems("not_found"),
    },
  }),
  async (c) => {
    const file = await stat(SCRIPT).catch(() => null);
    if (!file)
      throw new Problem("not_found", "The package @scalar/api-reference is not installed; /openapi.json has the contract.");
    c.header("Content-Type", "text/javascript; charset=utf-8");
    c.header("Content-Length", String(file.size));
    c.header("Cache-Control", "public, max-age=86400");
    return c.body(Readable.toWeb(createReadStream(SCRIPT)) as ReadableStream);
  },
);
