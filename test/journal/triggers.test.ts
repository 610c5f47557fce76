import Database from "better-sqlite3";
import { beforeEach, expect, test } from "vitest";
import { openDatabase } from "../../src/journal/database.ts";
import { note, opened, testJournal } from "./support.ts";

let file: string;
beforeEach(() => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  run.append([note("a"), note("b")]);
  run.storePayload("rows", new Uint8Array([1, 2, 3]));
  file = journal.file;
});

const event = "(n, run, seq, at, kind, body, hash)";
const ledger = "(n, at, kind, run, seq, head, detail, hash)";
const attempts = [
  "UPDATE event SET body = '{}' WHERE seq = 2",
  "UPDATE event SET n = n + 100",
  "DELETE FROM event",
  `INSERT OR REPLACE INTO event ${event} VALUES (2, 1, 2, 0, 'note.added', '{}', '')`,
  `INSERT OR REPLACE INTO event ${event} VALUES (2, 1, 4, 0, 'note.added', '{}', '')`,
  `INSERT OR REPLACE INTO event ${event} VALUES (9, 1, 2, 0, 'note.added', '{}', '')`,
  `INSERT INTO event ${event} VALUES (9, 1, 5, 0, 'note.added', '{}', '')`,
  `INSERT INTO event ${event} VALUES (9, 1, 0, 0, 'note.added', '{}', '')`,
  `INSERT INTO event ${event} VALUES (1, 1, 1, 0, 'n', '', '') ON CONFLICT DO UPDATE SET body = ''`,
  "UPDATE ledger SET detail = ''",
  "DELETE FROM ledger",
  `INSERT OR REPLACE INTO ledger ${ledger} VALUES (1, 0, 'opened', 'r', 1, '', '', '')`,
  `INSERT INTO ledger ${ledger} VALUES (7, 0, 'opened', 'r', 1, '', '', '')`,
  "UPDATE run SET operator = 'eve'",
  "DELETE FROM run",
  "INSERT OR REPLACE INTO run SELECT n, run, 0, '', '', '', '', '', '', 'eve' FROM run",
  "INSERT OR REPLACE INTO run SELECT n + 1, run, 0, '', '', '', '', '', '', 'eve' FROM run",
  "UPDATE meta SET value = ''",
  "DELETE FROM meta",
  "INSERT OR REPLACE INTO meta (key, value) VALUES ('journal', 'other')",
  "DELETE FROM payload",
  "UPDATE payload SET bytes = x'00'",
  "UPDATE payload SET what = 'other', salt = NULL, bytes = NULL",
  "INSERT OR REPLACE INTO payload SELECT n, run, digest, what, 0, salt, bytes FROM payload",
];

test.each(attempts)("our own connection refuses %s", (statement) => {
  const db = openDatabase(file);
  expect(() => db.exec(statement)).toThrow(/only grows|is not the next|is there already|not changed/);
  db.close();
});

test.each(attempts)("so does a connection without recursive triggers: %s", (statement) => {
  const db = new Database(file);
  db.pragma("recursive_triggers = OFF");
  expect(() => db.exec(statement)).toThrow(/only grows|is not the next|is there already|not changed/);
  db.close();
});

test("values of a wrong type are refused", () => {
  const db = openDatabase(file);
  const insert = `INSERT INTO event ${event} VALUES (NULL, 1, 4, 'noon', 'note.added', '{}', '')`;
  expect(() => db.exec(insert)).toThrow(/cannot store TEXT value in INTEGER column/);
  db.close();
});

test("every safeguard of a connection is on", () => {
  const db = openDatabase(file);
  const says = (name: string) => db.pragma(name, { simple: true });
  expect(["synchronous", "recursive_triggers", "foreign_keys", "secure_delete", "trusted_schema"].map(says)).toEqual([
    2, 1, 1, 1, 0,
  ]);
  expect([says("journal_mode"), says("busy_timeout")]).toEqual(["wal", 5000]);
  db.close();
});
