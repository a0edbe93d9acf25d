import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Mark } from "../../src/experiments/mark.ts";
import { gate } from "../support/app.ts";

const newFolder = () => mkdtempSync(join(tmpdir(), "stratascope-mark-"));

describe("The mark of unfinished experiments", () => {
  test("is there before the first one starts, and goes when none is left", async () => {
    const folder = join(newFolder(), "made", "when needed");
    const mark = new Mark(folder);
    expect(mark.isThere).toBe(false);
    await mark.during(async () => expect(existsSync(join(folder, "experiments.unfinished"))).toBe(true));
    await mark.remove(async () => true);
    expect(mark.isThere).toBe(true);
    await mark.remove(async () => false);
    expect(mark.isThere).toBe(false);
  });

  test("stays for one that starts while another one ends", async () => {
    const mark = new Mark(newFolder());
    await mark.during(async () => {});
    const [looking, looked, starting] = [gate(), gate(), gate()];
    const removing = mark.remove(async () => {
      looking.open();
      await looked.opened;
      return false;
    });
    await looking.opened;
    // As a whole, after the other one has looked.
    await mark.during(async () => {});
    looked.open();
    await removing;
    expect(mark.isThere).toBe(true);
    // And while it has not been stored.
    const during = mark.during(() => starting.opened);
    await mark.remove(async () => false);
    expect(mark.isThere).toBe(true);
    starting.open();
    await during;
  });

  test("that cannot be written keeps experiments from being started", async () => {
    const mark = new Mark("/dev/null/data");
    await expect(mark.during(async () => {})).rejects.toMatchObject({
      name: "DatabaseUnavailable",
      message: expect.stringMatching(/^Nothing can be started in \/dev\/null\/data: ENOTDIR/),
    });
  });
});
