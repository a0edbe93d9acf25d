import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/datasets/datasets.ts";
import { Material, type MaterialRequest } from "../../src/experiments/material.ts";
import { modelsIn } from "../../src/runs/served-models.ts";

const model = await modelsIn("models").get("prose-6m");
const texts = ["It was the best of times, it was the worst of times.", "Short.", "She opened the door and looked into the room."];
const dataset = { name: "three", sha256: "00", texts, rows: texts.map((text) => ({ text })) } as unknown as Dataset;

const material = (request: Partial<MaterialRequest>, from: Dataset | null = null) =>
  new Material({ request: { short_texts: "error", ...request }, model, dataset: from, prependBos: true });

describe("texts that are cut", () => {
  it("all have as many tokens as was asked, BOS first", async () => {
    const { tokens, tokensPerText } = await material({
      data: { texts: [texts[0] as string, texts[2] as string] },
      tokens_per_text: 6,
    }).cut();
    expect(tokensPerText).toBe(6);
    expect(tokens.map(({ length }) => length)).toEqual([6, 6]);
    expect(tokens.map(([first]) => first)).toEqual([model.tokenizer.bosId, model.tokenizer.bosId]);
  });

  it("have as many as the shortest when nothing is said", async () => {
    const { tokens, tokensPerText } = await material({ data: { texts } }).cut();
    expect(tokensPerText).toBe(1 + model.tokenizer.encode("Short.").length);
    expect(new Set(tokens.map(({ length }) => length))).toEqual(new Set([tokensPerText]));
  });

  it("short ones are refused by number, with how many tokens they have", async () => {
    const short = 1 + model.tokenizer.encode("Short.").length;
    await expect(material({ data: { texts }, tokens_per_text: 8 }).cut()).rejects.toThrow(
      `1 of 3 texts have fewer than 8 tokens (BOS included): 1 (${short}). Ask for fewer tokens_per_text, or pass over them with "short_texts": "skip"`,
    );
  });

  it("short ones are passed over where that was asked, and further texts looked at", async () => {
    const { tokens } = await material(
      { data: { dataset: "three" }, texts: 2, tokens_per_text: 8, short_texts: "skip" },
      dataset,
    ).cut();
    expect(tokens.map((text) => model.tokenizer.text(text[1] as number))).toEqual(["It", "She"]);
    await expect(
      material({ data: { dataset: "three" }, texts: 3, tokens_per_text: 8, short_texts: "skip" }, dataset).cut(),
    ).rejects.toThrow("2 texts have 8 tokens (BOS included), fewer than the 3 asked for; 1 shorter ones were passed over");
  });

  it("more than there are, and more tokens than the context, are refused with both numbers", async () => {
    await expect(material({ data: { dataset: "three" }, texts: 4 }, dataset).cut()).rejects.toThrow(
      "4 texts are more than the data set three has, 3",
    );
    await expect(material({ data: { texts }, tokens_per_text: 4096 }).cut()).rejects.toThrow(
      `4096 tokens are more than the context of prose-6m holds, ${model.contextLength}`,
    );
  });

  it("token ids are taken as they are, their BOS never doubled", async () => {
    const ids = [model.tokenizer.bosId as number, 5, 6, 7];
    const { tokens } = await material({ data: { tokens: [ids, ids.slice(1)] }, tokens_per_text: 4 }).cut();
    expect(tokens.map((text) => [...text])).toEqual([ids, ids]);
  });

  it("nothing at all is refused", async () => {
    await expect(material({}).cut()).rejects.toThrow('is required: { "dataset": "…" }, or { "texts": […] }');
  });
});

describe("texts and rows that are whole", () => {
  it("are the first ones", () => {
    expect(material({ data: { dataset: "three" }, texts: 2 }, dataset).texts()).toEqual(texts.slice(0, 2));
    expect(material({ data: { rows: [{ text: "a", label: 1 }] } }).rows()).toEqual([{ text: "a", label: 1 }]);
  });

  it("are told apart by their hash", () => {
    const hash = (data: MaterialRequest["data"]) => material({ data }).identity.sha256;
    expect(hash({ texts: ["a"] })).toBe(hash({ texts: ["a"] }));
    expect(hash({ texts: ["a"] })).not.toBe(hash({ texts: ["b"] }));
    expect(material({ data: { dataset: "three" } }, dataset).identity).toEqual({ dataset: "three", sha256: "00" });
  });

  it("words cannot be found in token ids, nor texts in rows without them", () => {
    expect(() => material({ data: { tokens: [[1, 2]] } }).texts()).toThrow("this kind needs texts, not token ids");
    expect(() => material({ data: { rows: [{ a: 1 }] } }).texts()).toThrow('the row has no "text" that is a text');
  });
});
