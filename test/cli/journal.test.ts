import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { opened, testJournal } from "../journal/support.ts";
import { shell } from "./support.ts";

test.each([["list"], ["verify"], ["show", "7F3K"]])(
  "journal %s refuses a folder without a journal by its name, and makes nothing there",
  async (...args) => {
    const here = shell({ environment: "sandbox" });
    const typo = join(here.folder, "typo");
    const { code, err, out } = await here.run("journal", ...args, "--journal", typo);
    expect([code, out]).toEqual([3, ""]);
    expect(err).toContain(`HF-JOURNAL-NOT-FOUND  there is no journal in ${typo}\n`);
    expect((await here.run("resume", "--journal", typo)).code).toBe(3);
    expect(existsSync(typo)).toBe(false);
  },
);

test("where no run was ever kept in the usual place, that is said, and nothing is made", async () => {
  const here = shell({ environment: "sandbox" });
  for (const args of [["list"], ["verify"]])
    expect(await here.run("journal", ...args)).toEqual({ code: 0, out: "The journal has no run yet.\n", err: "" });
  expect(await here.run("journal", "show", "7F3K")).toMatchObject({
    code: 3,
    err: expect.stringContaining("HF-RUN-UNKNOWN"),
  });
  expect((await here.run("resume")).out).toContain("No run is open");
  expect(readdirSync(here.folder)).toEqual([]);
});

test("a demo's run is gone on with by the demo alone: resume refuses it before any config or server is looked for", async () => {
  const { journal, folder } = testJournal();
  journal.open({ ...opened(), purpose: "demo" }).release();
  const reached = () => Promise.reject(new Error("a target was reached for"));
  const here = shell({ environment: "sandbox", parts: { workbench: reached } });
  for (const args of [[], [journal.runs()[0]?.short ?? ""]]) {
    const { code, err } = await here.run("resume", ...args, "--journal", folder);
    expect([code, err.split(" ")[0]]).toEqual([3, "HF-RUN-DEMO"]);
    expect(err.trimEnd().split("\n").at(-1)).toMatch(/main\.js demo$/);
  }
});

test("--journal may name the journal's own file", async () => {
  const { journal, folder } = testJournal();
  journal.open(opened()).release();
  const here = shell({ environment: "sandbox" });
  const { out } = await here.run("journal", "list", "--journal", join(folder, "journal.sqlite"));
  expect(out).toContain(journal.runs()[0]?.run);
});
