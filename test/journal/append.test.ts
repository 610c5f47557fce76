import path from "node:path";
import { execFileSync } from "node:child_process";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { redactor } from "../../src/core/redact.ts";
import { Secret } from "../../src/core/secret.ts";
import { foldRun } from "../../src/core/apply-event.ts";
import { assertDurable } from "../../src/journal/database.ts";
import {
  ana,
  closed,
  dawn,
  faultOf,
  filesWith,
  intended,
  note,
  opened,
  temporaryFolder,
  testJournal,
} from "./support.ts";

test("what was appended is read back in order, stamped from 1 with the clock's time", () => {
  const { journal, clock } = testJournal();
  const first = opened();
  const run = journal.open(first);
  clock.pass(1500);
  const stamped = run.append([note("a"), note("b")]);
  expect(stamped.map(({ seq, at }) => [seq, at])).toEqual([
    [2, dawn + 1500],
    [3, dawn + 1500],
  ]);
  expect(journal.read(run.run)).toEqual([{ seq: 1, at: dawn, event: first }, ...stamped]);
});

test("another process reads at once what append returned", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  run.append([note("é, 'quoted', \u0000 and \ud800")]);
  const script = `const D = require("better-sqlite3"); console.log(new D(process.argv[1], { readonly: true })
    .prepare("SELECT body FROM event WHERE seq = 2").pluck().get())`;
  const body = execFileSync(process.execPath, ["-e", script, journal.file], { encoding: "utf8" });
  expect(JSON.parse(body)).toEqual(note("é, 'quoted', \u0000 and \ud800"));
});

test("a batch is one transaction: when one of it is refused, none is there, and the run goes on", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  run.append([note("before")]);
  expect(faultOf(() => run.append([note("lost"), closed(), closed()])).code).toBe("HF-JOURNAL-REFUSED");
  run.append([note("after")]);
  const texts = journal.read(run.run).map(({ event }) => (event.kind === "note.added" ? event.text : event.kind));
  expect(texts).toEqual(["run.opened", "before", "after"]);
  expect(journal.verify().intact).toBe(true);
});

test("what append gives back is what a reader will see, not what was handed in", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  const event = { ...intended(), params: { rows: Number.NaN } };
  const [stamped] = run.append([event]);
  expect(stamped).toEqual(journal.read(run.run)[1]);
  expect(stamped?.event).toMatchObject({ params: { rows: null } });
});

test("secrets are taken out before anything is stored or shown", () => {
  const folder = temporaryFolder();
  const { journal } = testJournal({ folder, redactor: redactor([new Secret("hunter2"), new Secret("note.added")]) });
  const run = journal.open({ ...opened(), person: { ...ana, operator: "hunter2" } });
  const [stamped] = run.append([note("password is hunter2")]);
  const [passing] = run.append([{ kind: "output.printed", step: "merge", text: "hunter2" }], "passing");
  expect(stamped?.event).toEqual({ kind: "note.added", text: "password is [secret]", by: "ana" });
  expect(passing?.event).toMatchObject({ text: "[secret]" });
  expect(journal.runs()[0]?.operator).toBe("[secret]");
  run.storePayload("rows of hunter2", new Uint8Array([1]));
  expect(filesWith(folder, "hunter2")).toEqual([]);
  expect(filesWith(folder, "password is")).not.toEqual([]);
});

test("the head is the hash of the newest entry, as stored", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  const first = run.head();
  run.append([note("a")]);
  const db = new Database(journal.file, { readonly: true });
  const hashes = db.prepare("SELECT hash FROM event ORDER BY seq").pluck().all();
  db.close();
  expect(hashes).toEqual([first, run.head()]);
});

test("the same entries give other hashes in another run, so a run can't be passed off as another", () => {
  const { journal } = testJournal();
  const [one, two] = [journal.open(opened()), journal.open(opened())];
  one.append([note("a")]);
  two.append([note("a")]);
  expect(one.head()).not.toBe(two.head());
});

test("after a run's end only notes, reveals and returns of kept leases are added, and the ledger sees each", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  run.append([closed()]);
  expect(faultOf(() => run.append([closed()])).code).toBe("HF-RUN-CLOSED");
  expect(faultOf(() => run.append([intended()])).code).toBe("HF-RUN-CLOSED");
  expect(faultOf(() => run.append([{ kind: "output.printed", step: "merge", text: "" }], "passing")).code).toBe(
    "HF-RUN-CLOSED",
  );
  run.append([note("post-mortem"), { kind: "lease.released", lease: "l1", how: "released" }]);
  run.append([{ kind: "values.revealed", what: "rows", rows: 3, by: "ana" }]);
  const db = new Database(journal.file, { readonly: true });
  const kinds = db.prepare("SELECT kind, detail FROM ledger ORDER BY n").raw().all();
  db.close();
  expect(kinds.slice(1)).toEqual([
    ["closed", "done"],
    ["amended", "note.added"],
    ["amended", "lease.released"],
    ["amended", "values.revealed"],
  ]);
  expect(foldRun(journal.read(run.run)).status).toBe("done");
});

test("a closed run stays closed for the next process", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  run.append([closed()]);
  run.release();
  const again = journal.take(run.run);
  expect(faultOf(() => again.append([closed("abandoned")])).code).toBe("HF-RUN-CLOSED");
});

test("a run is opened once", () => {
  const { journal } = testJournal();
  const event = opened();
  journal.open(event).release();
  expect(faultOf(() => journal.open(event)).code).toBe("HF-JOURNAL-REFUSED");
  expect(journal.read(event.run)).toHaveLength(1);
  expect(journal.runs()[0]?.driven).toBe(false);
});

test("a connection that fell back to NORMAL is refused after its first write", () => {
  const file = path.join(testJournal().folder, "other.sqlite");
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.exec("CREATE TABLE t (a)");
  expect(faultOf(() => assertDurable(db)).code).toBe("HF-JOURNAL-NOT-DURABLE");
  db.pragma("synchronous = FULL");
  expect(() => assertDurable(db)).not.toThrow();
  db.close();
});

test("boundaries are reached around each commit, in order", () => {
  const names: string[] = [];
  const { journal } = testJournal({ reached: (name) => names.push(name) });
  const run = journal.open(opened());
  run.append([note("a")]);
  const append = ["journal.append:before", "journal.append:inside", "journal.append:after"];
  expect(names).toEqual(["journal.open:before", "journal.open:after", "journal.lock:taken", ...append, ...append]);
});
