/** An endpoint: its contract, as `createRoute` has it, and what answers. */
import type { OpenAPIHono, RouteConfig, RouteHandler } from "@hono/zod-openapi";
import type { Services } from "./services.ts";

export interface Env {
  readonly Bindings: {
    /** Tells the server that this request may be silent for long. */
    readonly hold?: () => void;
  };
  readonly Variables: {
    requestId: string;
    /** On `performance.now()`'s clock. */
    arrivedAt: number;
  };
}

export type App = OpenAPIHono<Env>;

type ContextOf<R extends RouteConfig> = Parameters<RouteHandler<R, Env>>[0];

/** Adds its route to an app. */
export type Endpoint = (app: App, services: Services) => void;

/** A route and its handler; bodies are checked by tests against the contract, parameters by the compiler. */
export function endpoint<R extends RouteConfig>(
  route: R & { getRoutingPath(): string },
  handler: (c: ContextOf<R>, services: Services) => Response | Promise<Response>,
): Endpoint {
  return (app, services) => {
    app.openapi(route, ((c: ContextOf<R>) => handler(c, services)) as never);
  };
}
