/** The models that can be served, as a table. */
import type { ModelInfo } from "../../schemas/models.ts";
import { left, right, textWidth } from "./text.ts";
import type { View } from "./view.ts";

/** One line a model, and why it cannot be served where that is so. */
export function modelTable(models: readonly ModelInfo[], view: View): string[] {
  const { bold, dim, red } = view.colours;
  if (models.length === 0)
    return ["No models: put checkpoints into the folder that MODELS_DIR names, or `stratascope pull` one."];
  const id = Math.min(40, Math.max(5, ...models.map((model) => textWidth(model.id))));
  const count = (value: number | null) => (value === null ? "–" : String(value));
  const cells = (name: string, family: string, ...sizes: string[]) =>
    `${left(family, 10)} ${sizes.map((text, i) => (i < 5 ? right(text, 7) : ` ${text}`)).join(" ")}`.replace(/^/, `${name} `);
  return [
    dim(cells(left("model", id), "family", "layers", "width", "heads", "tokens", "context", "state")),
    ...models.flatMap((model) => [
      cells(
        bold(left(model.id, id)),
        model.family ?? "–",
        ...[model.n_layers, model.d_model, model.n_heads, model.vocab_size, model.context_length].map(count),
        model.state === "failed" ? red(model.state) : model.state,
      ),
      ...(model.problem ? [`  ${red(model.problem.detail)}`] : []),
    ]),
  ];
}
