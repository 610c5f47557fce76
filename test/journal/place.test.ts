import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { migrations } from "../../src/journal/migrations/index.ts";
import { openJournal } from "../../src/journal/open.ts";
import { networkFileSystem } from "../../src/journal/place.ts";
import { faultOf, manualClock, note, opened, temporaryFolder, testJournal } from "./support.ts";

const isRoot = process.getuid?.() === 0;
const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);
const openIn = (folder: string) => openJournal({ folder, clock: manualClock() });

function umask(mask: number): void {
  const before = process.umask(mask);
  onTestFinished(() => void process.umask(before));
}

test.each([[0o000], [0o022], [0o777]])(
  "with umask %o everything is readable by its owner and by nobody else",
  (mask) => {
    const folder = path.join(temporaryFolder(), "deep", "er");
    umask(mask);
    const { journal } = testJournal({ folder });
    const run = journal.open(opened());
    run.append([note("a")]);
    expect([folder, path.dirname(folder), path.join(folder, "locks")].map(mode)).toEqual(["700", "700", "700"]);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name).toSorted()).toEqual(
      [
        `${run.run}.json`,
        `${run.run}.sqlite`,
        "ballast",
        "journal.sqlite",
        "journal.sqlite-shm",
        "journal.sqlite-wal",
      ].toSorted(),
    );
    for (const { parentPath, name } of files) expect([name, mode(path.join(parentPath, name))]).toEqual([name, "600"]);
  },
);

test.each([[0o770], [0o777], [0o702]])("a folder that others may write to (%o) is refused", (bits) => {
  const folder = temporaryFolder();
  mkdirSync(folder);
  chmodSync(folder, bits);
  const fault = faultOf(() => openIn(folder));
  expect(fault).toMatchObject({ code: "HF-JOURNAL-UNSAFE", exit: "journal", hint: `Run: chmod 700 ${folder}` });
  expect(readdirSync(folder)).toEqual([]);
});

test.each([[0o620], [0o602], [0o644]])("a file that others may read or write (%o) is refused", (bits) => {
  const { journal, folder } = testJournal();
  journal.close();
  chmodSync(journal.file, bits);
  expect(faultOf(() => openIn(folder))).toMatchObject({
    code: "HF-JOURNAL-UNSAFE",
    hint: `Run: chmod 600 ${journal.file}`,
  });
});

test.skipIf(!isRoot)("a folder or a file of another account is refused (needs root)", () => {
  const { journal, folder } = testJournal();
  journal.close();
  chownSync(journal.file, 12345, 12345);
  expect(faultOf(() => openIn(folder)).message).toContain(`${journal.file} belongs to another account`);
  chownSync(folder, 12345, 12345);
  expect(faultOf(() => openIn(folder)).message).toContain(`${folder} belongs to another account`);
});

test("a link in the journal's place is refused, wherever it points", () => {
  const folder = temporaryFolder();
  mkdirSync(folder, { mode: 0o700 });
  symlinkSync(path.join(folder, "elsewhere"), path.join(folder, "journal.sqlite"));
  expect(faultOf(() => openIn(folder))).toMatchObject({ code: "HF-JOURNAL-UNSAFE" });
  expect(readdirSync(folder)).toEqual(["journal.sqlite"]);
});

test("a file where the folder should be is a coded fault", () => {
  const folder = temporaryFolder();
  writeFileSync(folder, "");
  expect(faultOf(() => openIn(folder)).code).toBe("HF-JOURNAL-UNSAFE");
  expect(faultOf(() => openIn(path.join(folder, "below"))).code).toBe("HF-JOURNAL-NOT-WRITABLE");
});

function foreign(content: string | ((db: Database.Database) => void)): string {
  const folder = temporaryFolder();
  mkdirSync(folder, { mode: 0o700 });
  const file = path.join(folder, "journal.sqlite");
  writeFileSync(file, typeof content === "string" ? content : "", { mode: 0o600 });
  if (typeof content === "string") return folder;
  const db = new Database(file);
  content(db);
  db.close();
  return folder;
}

test("another program's database is refused and left as it was", () => {
  const folder = foreign((db) => db.exec("CREATE TABLE theirs (a)"));
  expect(faultOf(() => openIn(folder)).code).toBe("HF-JOURNAL-FOREIGN");
  const db = new Database(path.join(folder, "journal.sqlite"));
  expect(db.pragma("journal_mode", { simple: true })).toBe("delete");
  expect(db.prepare("SELECT count(*) FROM sqlite_schema").pluck().get()).toBe(1);
});

test("a file that is no database is a coded fault", () => {
  expect(
    faultOf(() => openIn(foreign("this is not a database, but long enough to be looked at".repeat(20)))),
  ).toMatchObject({
    code: "HF-JOURNAL-DAMAGED",
    exit: "journal",
  });
});

test("a journal of a newer version is refused and left as it was", () => {
  const { journal, folder } = testJournal();
  journal.close();
  const db = new Database(journal.file);
  db.pragma(`user_version = ${migrations.length + 1}`);
  db.close();
  expect(faultOf(() => openIn(folder))).toMatchObject({ code: "HF-JOURNAL-NEWER", exit: "journal" });
});

test("a file that was made but not filled when its process died is filled by the next", () => {
  const { journal } = testJournal({ folder: foreign("") });
  expect(journal.runs()).toEqual([]);
  journal.open(opened());
});

test.each([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xff534d42 | 0, "CIFS"],
  [0x65735546, "FUSE"],
  [0xef53, null],
  [0x01021994, null],
])("file system %i is %s", (type, name) => {
  expect(networkFileSystem(type)).toBe(name);
});
