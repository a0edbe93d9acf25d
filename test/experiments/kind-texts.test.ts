/** What is said of each kind's texts (`ABOUT_KINDS`) is so: the command line's help and defaults stand on it. */
import { afterAll, describe, expect, it } from "vitest";
import { readDataset } from "../../src/datasets/dataset.ts";
import type { DatasetSource } from "../../src/datasets/datasets.ts";
import { datasetFolder } from "../../src/datasets/folder.ts";
import { ABOUT_KINDS, CUTTING_FIELDS } from "../../src/schemas/experiments/kinds.ts";
import type { ExperimentRequestInput } from "../../src/schemas/experiments/request.ts";
import { EXPERIMENT_KINDS, type ExperimentKind } from "../../src/schemas/experiments/settings.ts";
import { openLaboratory, refusalOf } from "../support/experiments.ts";

const shipped: DatasetSource = {
  async get(name) {
    const found = await datasetFolder("datasets").find(name);
    return readDataset(found ?? expect.unreachable(`${name} is not shipped`));
  },
};
const laboratory = openLaboratory("models", shipped);
afterAll(() => laboratory.close());

const required = (kind: ExperimentKind) =>
  kind === "variants" ? { settings: { variants: { one: [{ op: "delete" as const, layers: [1] }] } } } : {};
const asked = (kind: ExperimentKind, more: object) =>
  ({ kind, model: "prose-6m", ...required(kind), ...more }) as ExperimentRequestInput;

const all = EXPERIMENT_KINDS.map((kind) => ({ kind, ...ABOUT_KINDS[kind].texts }));

describe("a kind", () => {
  it.each(all.filter(({ usual }) => usual !== null))("$kind takes $usual, as is usual", async ({ kind, usual }) => {
    expect((await laboratory.plan(asked(kind, { data: { dataset: usual } }))).study.data?.dataset).toBe(usual);
  });

  it.each(all.filter(({ required }) => required))("$kind needs texts", async ({ kind }) => {
    expect(await refusalOf(laboratory, asked(kind, {}))).toMatchObject({
      errors: [{ pointer: "/data", detail: expect.stringMatching(/^is required: /) }],
    });
  });

  it.each(all.filter(({ required }) => !required))("$kind does without", async ({ kind }) => {
    expect((await laboratory.plan(asked(kind, {}))).study.data).toBeNull();
  });

  it.each(all.filter(({ length }) => length === "whole"))("$kind refuses to cut them", async ({ kind }) => {
    const cuts = { tokens_per_text: 8, short_texts: "skip" };
    for (const field of CUTTING_FIELDS)
      expect(await refusalOf(laboratory, asked(kind, { data: { texts: ["one"] }, [field]: cuts[field] }))).toMatchObject({
        errors: [{ pointer: `/${field}`, detail: expect.stringMatching(/^this kind reads its texts whole: /) }],
      });
  });
});
