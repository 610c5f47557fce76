import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, statSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { guarded } from "../../src/journal/errors.ts";
import { faultOf, note, opened, temporaryFolder, testJournal } from "./support.ts";

test("a journal that another process keeps locked is a coded fault, and the entry is not there", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  const other = new Database(journal.file);
  other.exec("BEGIN IMMEDIATE");
  const fault = faultOf(() => run.append([note("a")]));
  expect(fault).toMatchObject({ code: "HF-JOURNAL-BUSY", exit: "journal", after: "none" });
  other.close();
  expect(run.append([note("b")])[0]?.seq).toBe(2);
});

test("a page of the file overwritten is a coded fault for a reader, and named by verify", () => {
  const { journal, folder } = testJournal();
  const run = journal.open(opened());
  for (let n = 0; n < 60; n += 1) run.append([note(`${n} ${"x".repeat(500)}`)]);
  journal.close();
  const pages = statSync(journal.file).size / 4096;
  // The newest pages hold entries; the first hold the schema.
  spawnSync("dd", ["if=/dev/urandom", `of=${journal.file}`, "bs=4096", `seek=${pages - 6}`, "count=6", "conv=notrunc"]);
  const { journal: damaged } = testJournal({ folder });
  expect(faultOf(() => damaged.read(run.run))).toMatchObject({ code: "HF-JOURNAL-DAMAGED", exit: "journal" });
  const report = damaged.verify();
  expect(report.intact).toBe(false);
  expect(report.firstBad?.what).toMatch(/^the file is damaged: /);
});

const isRoot = process.getuid?.() === 0;
test.skipIf(isRoot)(
  "a folder that can't be written to is a coded fault (not as root, who may write everywhere)",
  () => {
    const parent = temporaryFolder();
    mkdirSync(parent, { mode: 0o500 });
    const fault = faultOf(() => testJournal({ folder: path.join(parent, "below") }));
    expect(fault).toMatchObject({ code: "HF-JOURNAL-NOT-WRITABLE", exit: "journal" });
    chmodSync(parent, 0o700);
  },
);

test("a file whose very beginning is damaged is a coded fault", () => {
  const { journal, folder } = testJournal();
  journal.open(opened());
  journal.close();
  spawnSync("dd", ["if=/dev/urandom", `of=${journal.file}`, "bs=4096", "seek=1", "count=30", "conv=notrunc"]);
  expect(faultOf(() => testJournal({ folder }))).toMatchObject({ code: "HF-JOURNAL-DAMAGED", exit: "journal" });
});

test("whatever is neither SQLite's nor the file system's word stays the bug that it is", () => {
  const bug = new TypeError("ours");
  const work = () => {
    throw bug;
  };
  expect(() => guarded("file", "doing", work)).toThrow(bug);
});
