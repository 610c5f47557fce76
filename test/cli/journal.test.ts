import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newRunId } from "../../src/core/ids.ts";
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

test("a drill's run is gone on with by the drill alone, and does not stand in the way of a run that matters", async () => {
  const { journal, folder } = testJournal();
  journal.open({ ...opened(), purpose: "drill" }).release();
  const drill = journal.runs()[0]?.short ?? "";
  const reached: string[] = [];
  const here = shell({
    environment: "sandbox",
    parts: {
      workbench: () => {
        reached.push("a workbench");
        return Promise.reject(new Error("no workbench here"));
      },
    },
  });
  writeFileSync(join(here.folder, "holdfast.yaml"), "targets: {}\n");
  for (const args of [[], [drill]]) {
    const { code, err } = await here.run("resume", ...args, "--journal", folder);
    expect([code, err.split(" ")[0]]).toEqual([3, "HF-RUN-DRILL"]);
    expect(err.trimEnd().split("\n").at(-1)).toContain(
      `main.js drill ${journal.runs()[0]?.runbook} --journal ${folder}`,
    );
  }
  const { out } = await here.run("journal", "list", "--journal", folder);
  expect(out).toContain("(drill)");
  expect(reached).toEqual([]);
  journal.open({ ...opened(), run: newRunId(1), purpose: "live" }).release();
  await here.run("resume", "--journal", folder, "--plain");
  expect(reached).toEqual(["a workbench"]);
});

test("--journal may name the journal's own file", async () => {
  const { journal, folder } = testJournal();
  journal.open(opened()).release();
  const here = shell({ environment: "sandbox" });
  const { out } = await here.run("journal", "list", "--journal", join(folder, "journal.sqlite"));
  expect(out).toContain(journal.runs()[0]?.run);
});

test("verify gives a head to keep elsewhere, with the command that proves a journal against it, also after later runs", async () => {
  const { journal, folder } = testJournal();
  journal.open(opened()).release();
  const here = shell({ environment: "sandbox" });
  const { out } = await here.run("journal", "verify", "--journal", folder);
  expect(out).toMatch(/^Intact: 1 run, 1 events\.\nJournal head: (\w{4} \w{4} \w{4})\. /);
  const again = out.trimEnd().split("\n").at(-1) ?? "";
  expect(again).toMatch(/^ {2}node .*main\.js journal verify --head "\w{4} \w{4} \w{4}" --journal /);
  const head = /--head "(.*?)"/.exec(again)?.[1] ?? "";
  journal.open(opened()).release();
  const later = await here.run(
    "journal",
    "verify",
    "--head",
    head.replaceAll(" ", "").toUpperCase(),
    "--journal",
    folder,
  );
  expect(later.out).toContain("Intact: 2 runs, 2 events; the head that you gave is line 1 of 2 of its ledger.");
  expect(later.code).toBe(0);
});

test("a head that was kept elsewhere is not in a journal that is gone as a whole", async () => {
  const here = shell({ environment: "sandbox" });
  const verify = ["journal", "verify", "--head", "9693 5238 2050"] as const;
  const { out, code } = await here.run(...verify);
  expect(out).toMatch(/^HF-JOURNAL-BROKEN {2}the head that you gave is not in this journal/);
  expect(out).toContain("what to do:");
  expect(code).toBe(13);
  const told = JSON.parse((await here.run(...verify, "--json")).out) as object;
  expect(told).toMatchObject({ intact: false, runs: 0, noted: { line: null, of: 0 } });
});

test("a journal that does not have the head that was kept elsewhere is broken, intact as it is in itself", async () => {
  const { journal } = testJournal();
  journal.open(opened()).release();
  const other = testJournal();
  other.journal.open(opened()).release();
  const here = shell({ environment: "sandbox" });
  const verify = ["journal", "verify", "--journal", other.folder, "--head", journal.verify().head] as const;
  const { out, code } = await here.run(...verify);
  expect(out).toMatch(/^HF-JOURNAL-BROKEN {2}the head that you gave is not in this journal/);
  expect(out).not.toContain("Journal head");
  expect(code).toBe(13);
  expect(JSON.parse((await here.run(...verify, "--json")).out)).toMatchObject({
    intact: false,
    firstBad: null,
    noted: { line: null, of: 1 },
  });
  expect((await here.run("journal", "verify", "--head", "9693")).code).toBe(2);
});
