import { createHash } from "node:crypto";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { openJournal } from "../../src/journal/open.ts";
import { faultOf, filesWith, manualClock, note, opened, tamper, testJournal } from "./support.ts";

const canary = "canary-7f3k-ana.schmidt@example.org";
const bytes = Buffer.from(`${canary} `.repeat(2000));

test("a payload comes back as it was stored, and only under the run that it belongs to", () => {
  const { journal } = testJournal();
  const [one, two] = [journal.open(opened()), journal.open(opened())];
  const ref = one.storePayload("sample rows", bytes);
  expect(ref).toMatchObject({ bytes: bytes.length, what: "sample rows" });
  expect(Buffer.from(journal.payload(one.run, ref) ?? [])).toEqual(bytes);
  expect(journal.payload(two.run, ref)).toBeNull();
  expect(one.storePayload("nothing", new Uint8Array(0)).bytes).toBe(0);
});

test("the digest is salted: it neither tells nor repeats for the same value", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  const [one, two] = [run.storePayload("a", bytes), run.storePayload("a", bytes)];
  expect(one.digest).not.toBe(two.digest);
  expect(one.digest).not.toBe(createHash("sha256").update(bytes).digest("hex"));
});

test("what is erased is in no file any more, its salt neither, and the chain still holds", () => {
  const { journal, folder } = testJournal();
  const run = journal.open(opened());
  const ref = run.storePayload("sample rows", bytes);
  run.append([note("between")]);
  const db = new Database(journal.file, { readonly: true });
  const salt = db.prepare<[], Buffer>("SELECT salt FROM payload").pluck().get() ?? Buffer.alloc(0);
  db.close();
  expect(salt).toHaveLength(16);
  expect(filesWith(folder, canary)).not.toEqual([]);
  run.erasePayload(ref);
  expect(filesWith(folder, canary)).toEqual([]);
  expect(filesWith(folder, "canary-7f3k")).toEqual([]);
  expect(journal.payload(run.run, ref)).toBeNull();
  run.erasePayload(ref);
  expect(journal.verify()).toMatchObject({ intact: true });
});

test("it is in no file either when it had long been moved from the log into the file", () => {
  const { journal, folder } = testJournal();
  const run = journal.open(opened());
  const ref = run.storePayload("sample rows", bytes);
  run.release();
  journal.close();
  expect(filesWith(folder, canary)).toEqual(["journal.sqlite"]);
  const { journal: next } = testJournal({ folder });
  next.take(run.run).erasePayload(ref);
  expect(filesWith(folder, canary)).toEqual([]);
});

test("while another process reads, erasing says that the log still holds the value, and can be repeated", () => {
  const { journal, folder } = testJournal();
  const run = journal.open(opened());
  const ref = run.storePayload("sample rows", bytes);
  const reader = new Database(journal.file, { readonly: true });
  reader.exec("BEGIN; SELECT count(*) FROM payload");
  const rows = reader.prepare("SELECT bytes FROM payload").iterate();
  rows.next();
  const fault = faultOf(() => run.erasePayload(ref));
  expect(fault).toMatchObject({ code: "HF-JOURNAL-ERASING", exit: "journal" });
  expect(journal.payload(run.run, ref)).toBeNull();
  rows.return?.();
  reader.close();
  run.erasePayload(ref);
  expect(filesWith(folder, canary)).toEqual([]);
});

test("erased behind the ledger's back, or changed, it is found", () => {
  const { journal, folder } = testJournal();
  const run = journal.open(opened());
  const ref = run.storePayload("sample rows", bytes);
  journal.close();
  tamper(folder, "UPDATE payload SET bytes = x'00'");
  const changed = openJournal({ folder, clock: manualClock() });
  expect(changed.verify().firstBad?.what).toContain("does not match its digest");
  expect(faultOf(() => changed.payload(run.run, ref)).code).toBe("HF-JOURNAL-BROKEN");
  changed.close();
  tamper(folder, "UPDATE payload SET salt = NULL, bytes = NULL");
  const { journal: removed } = testJournal({ folder });
  expect(removed.verify().firstBad?.what).toContain("was removed, and the ledger does not know it");
});
