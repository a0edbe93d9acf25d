import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readDataset } from "../../src/datasets/dataset.ts";
import { factsOf } from "../../src/datasets/facts.ts";
import { Material, type MaterialRequest } from "../../src/experiments/material.ts";
import { modelsIn, type ServedModel } from "../../src/runs/served-models.ts";

const TEMPLATE =
  "{{ bos_token }}{% for m in messages %}{% if m.role == 'poet' %}{{ raise_exception('No poets') }}{% endif %}{{ m.role }}: {{ m.content }}\n{% endfor %}" +
  "{% if add_generation_prompt %}assistant:{% endif %}{% if tone %} ({{ tone }}){% endif %}";
const user = (content: string) => [{ role: "user", content }];
const ROWS = [
  { messages: user("It was the best of times."), topic: "old", add_generation_prompt: false },
  { text: "She opened the door." },
  { messages: user("Hello there."), template_arguments: { tone: "warm" } },
];
const TEXTS = [
  "<|endoftext|>user: It was the best of times.\n",
  "She opened the door.",
  "<|endoftext|>user: Hello there.\nassistant: (warm)",
];

let folder: string;
let model: ServedModel;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stratascope-chats-"));
  cpSync("models/prose-6m", join(folder, "chatty"), { recursive: true });
  writeFileSync(join(folder, "chatty/chat_template.jinja"), TEMPLATE);
  model = await modelsIn(folder).get("chatty");
});
afterAll(() => rmSync(folder, { recursive: true }));

const datasetOf = (rows: readonly object[]) => {
  const bytes = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const content = async function* () {
    yield bytes;
  };
  return readDataset({ name: "talks", format: "jsonl", bytes: bytes.length, sha256: null, content });
};
const cut = async (data: MaterialRequest["data"], rows?: readonly object[]) => {
  const dataset = rows ? await datasetOf(rows) : null;
  const material = new Material({ request: { short_texts: "keep", data }, model, dataset, prependBos: true });
  return (await material.cut()).tokens.map((tokens) => Buffer.concat([...tokens].map(model.tokenizer.bytes)).toString());
};

describe("Chats as texts of an experiment", () => {
  const begun = TEXTS.map((text) => (text.startsWith("<|") ? text : `<|endoftext|>${text}`));

  it("are rendered by the model's template: of a data set, as rows, and as texts; BOS is never doubled", async () => {
    expect(await cut({ dataset: "talks" }, ROWS)).toEqual(begun);
    expect(await cut({ rows: ROWS })).toEqual(begun);
    const [first, second, third] = ROWS;
    const texts = [{ messages: first?.messages, add_generation_prompt: false }, second?.text, third];
    expect(await cut({ texts: texts as never })).toEqual(begun);
  });

  it("count as texts of a data set", async () => {
    expect(await factsOf(await datasetOf([...ROWS, { label: 1 }]))).toMatchObject({ rows: 4, texts: 3 });
  });

  it.each([
    [
      { messages: [{ role: "poet", content: "a" }] },
      "/data/rows/1/messages",
      "the chat template of chatty refuses them: No poets",
    ],
    [{ messages: [{ content: "a" }] }, "/data/rows/1/messages/0/role", "is required: a text"],
    [
      { messages: user("a"), template_arguments: { x: 1 } },
      "/data/rows/1/template_arguments",
      'the chat template of chatty does not take "x"; it takes tone',
    ],
    [{ label: 1 }, "/data/rows/1", 'the row has no "text" that is a text, and no "messages"'],
  ])("are refused by their row: %j", async (row, pointer, detail) => {
    await expect(cut({ rows: [...ROWS.slice(0, 1), row] })).rejects.toMatchObject({ errors: [{ pointer, detail }] });
    const message = await cut({ dataset: "talks" }, [...ROWS.slice(0, 1), row]).catch((error: Error) => error.message);
    expect(message).toMatch(
      "label" in row ? 'line 2 of the data set talks has no "text" that is a text' : /^row 1 of the data set talks: /,
    );
  });

  it("are nothing for kinds that look at words", async () => {
    const material = new Material({
      request: { short_texts: "error", data: { rows: ROWS } },
      model,
      dataset: null,
      prependBos: true,
    });
    expect(() => material.texts()).toThrow("this kind needs texts, not chats: it looks at their words (text 0)");
  });
});
