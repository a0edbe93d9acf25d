/** Pictures of the command line: the command that a picture shows is run again. */
import { execFileSync } from "node:child_process";
import type { Product } from "./product.ts";

/** The words of the command in a picture's title, after `npx stratascope`. Throws where it shows none. */
export function commandIn(picture: string): string[] {
  const [, title = ""] = /<title>\$ npx stratascope (.*?)<\/title>/.exec(picture) ?? [];
  const words = Array.from(title.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, word]) => quoted ?? word ?? "");
  if (words.length === 0) throw new Error("the picture shows no command");
  return words;
}

/** The same picture of what the command prints now. */
export function pictureAgain({ command }: Product, picture: string): string {
  const words = commandIn(picture);
  const shown = words.map((word) => (word.includes(" ") ? `"${word}"` : word)).join(" ");
  return execFileSync("node", ["scripts/terminal-svg.mjs", `$ npx stratascope ${shown}`], {
    encoding: "utf8",
    input: command([...words, "--color"]),
  });
}
