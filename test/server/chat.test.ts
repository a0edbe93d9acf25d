/** Chats end to end: a real engine behind a real port computes for messages what it does for the tokens of their text. */
import { cpSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RunDocument } from "../../src/schemas/runs.ts";
import type { Json } from "../support/app.ts";
import { startService, type TestService } from "../support/service.ts";

const dataDir = mkdtempSync(join(tmpdir(), "stratascope-chat-"));
const TEMPLATE =
  "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
const MESSAGES = [
  { role: "system", content: "Be brief. " },
  { role: "user", content: "Hi" },
];
const TEXT = "<system>Be brief.\n<user>Hi\n<assistant>";
let service: TestService;

beforeAll(async () => {
  const folder = join(dataDir, "models/talker");
  cpSync("test/fixtures/checkpoints/llama", folder, { recursive: true });
  writeFileSync(join(folder, "chat_template.jinja"), TEMPLATE);
  service = await startService({ MODELS_DIR: join(dataDir, "models"), DATA_DIR: dataDir });
});
afterAll(() => service.stop());

const post = (path: string, body: object) =>
  fetch(`${service.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ model: "talker", ...body }),
  });

async function run(body: object): Promise<RunDocument> {
  const response = await post("/v1/runs", { interventions: [{ op: "delete", layers: [1] }], ...body });
  const document = (await response.json()) as Json;
  expect(response.status, JSON.stringify(document).slice(0, 300)).toBe(200);
  return RunDocument.parse(document);
}

/** By variant and step: the prompt is remembered, so that what comes first may change. */
function layersOf({ layers }: RunDocument): object[] {
  const keyed = layers.map(({ seq: _, ...layer }) => layer);
  return keyed.sort((a, b) => a.variant.localeCompare(b.variant) || a.step - b.step);
}

test("a chat gives the numbers of its text, and of its text's tokens", async () => {
  const chat = await run({ messages: MESSAGES });
  expect(chat.meta.chat).toEqual({ text: TEXT, add_generation_prompt: true, template_arguments: {} });
  expect(chat.meta.bos).toEqual({ prepended: false, by: "tokenizer" });
  const text = await run({ prompt: TEXT });
  const tokens = await run({ tokens: chat.meta.tokens.map(({ id }) => id) });
  for (const other of [text, tokens]) {
    expect(other.meta).not.toHaveProperty("chat");
    expect(other.meta.tokens).toEqual(chat.meta.tokens);
    expect(layersOf(other)).toEqual(layersOf(chat));
    expect(other.result?.comparison).toEqual(chat.result?.comparison);
  }
});

test("an experiment on chats gives the rows of one on their tokens, and says whose BOS it was", async () => {
  const chat = await run({ messages: MESSAGES });
  const experiment = async (data: object, more: object = {}) => {
    const created = await post("/v1/experiments", { kind: "logit-lens", data, ...more });
    const answer = (await created.json()) as Json;
    expect(created.status, JSON.stringify(answer)).toBe(201);
    for (;;) {
      const response = await fetch(`${service.url}/v1/experiments/${answer.id}/result`);
      if (response.status === 200) return (await response.json()) as Json;
      expect(response.status).toBe(409);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const ids = chat.meta.tokens.map(({ id }) => id);
  const [chats, tokens] = await Promise.all([experiment({ texts: [{ messages: MESSAGES }] }), experiment({ tokens: [ids] })]);
  expect(chats.rows).toEqual(tokens.rows);
  expect(chats).toMatchObject({ prepend_bos: true, bos: { prepended: true, by: "convention" }, tokens_per_text: ids.length + 1 });
  const without = await experiment({ texts: [{ messages: MESSAGES }] }, { prepend_bos: false });
  expect(without).toMatchObject({ prepend_bos: false, bos: { prepended: false, by: "request" }, tokens_per_text: ids.length });
});

test("refusals have a status, and point at what is wrong", async () => {
  const response = await post("/v1/runs", { messages: MESSAGES, prompt: "a", template_arguments: {} });
  expect(response.status).toBe(422);
  expect(((await response.json()) as Json).errors).toEqual([
    { pointer: "/messages", detail: "give either prompt or messages, not both" },
  ]);
});
