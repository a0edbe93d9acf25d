/** Writes openapi/openapi.json from the routes: `npm run openapi`. */
import { writeFileSync } from "node:fs";
import { documentText } from "./document.ts";

writeFileSync(new URL("./openapi.json", import.meta.url), documentText());
