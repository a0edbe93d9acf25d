import manifest from "../../package.json" with { type: "json" };

/** The service's version: of the code that planned an experiment. */
export const VERSION: string = manifest.version;
