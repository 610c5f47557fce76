import { expect, test } from "vitest";
import type { RunId } from "../../src/core/ids.ts";
import { eventHash, type EventRow } from "../../src/journal/chain.ts";
import type { Journal, VerifyReport } from "../../src/journal/journal.ts";
import { openJournal } from "../../src/journal/open.ts";
import Database from "better-sqlite3";
import { readFileSync, writeFileSync } from "node:fs";
import { closed, faultOf, manualClock, note, opened, tamper, temporaryFolder, testJournal } from "./support.ts";

interface Written {
  readonly folder: string;
  readonly one: RunId;
  readonly two: RunId;
}

/** Two runs of six entries: one closed at the sixth, one open, known to the ledger up to its opening only. */
function written(): Written {
  const folder = temporaryFolder();
  const journal = openJournal({ folder, clock: manualClock() });
  const fill = (journal: Journal, last: Parameters<typeof note>[0] | null): RunId => {
    const run = journal.open(opened());
    for (const text of ["first", "second", "third", "fourth"]) run.append([note(text)]);
    run.append([last === null ? closed() : note(last)]);
    return run.run;
  };
  const runs = { one: fill(journal, null), two: fill(journal, "fifth") };
  journal.close();
  return { folder, ...runs };
}

function verifyIn(folder: string, run?: RunId): VerifyReport {
  const journal = openJournal({ folder, clock: manualClock() });
  try {
    return journal.verify(run);
  } finally {
    journal.close();
  }
}

test("an untouched journal is intact, and says how much it looked at", () => {
  const { folder, one } = written();
  expect(verifyIn(folder)).toMatchObject({ intact: true, runs: 2, events: 12, firstBad: null });
  expect(verifyIn(folder, one)).toMatchObject({ intact: true, runs: 1, events: 6 });
  expect(verifyIn(folder).head).toMatch(/^[0-9a-f]{4} [0-9a-f]{4} [0-9a-f]{4}$/);
});

test("the head changes with every opening, pause and end, so a cut tail shows against one written down", () => {
  const { journal } = testJournal();
  const heads = new Set([journal.verify().head]);
  const run = journal.open(opened());
  heads.add(journal.verify().head);
  run.append([{ kind: "run.paused", reason: "" }]);
  heads.add(journal.verify().head);
  run.append([closed()]);
  heads.add(journal.verify().head);
  expect(heads.size).toBe(4);
});

const ofRun = (n: number) => `(SELECT n FROM run ORDER BY n LIMIT 1 OFFSET ${n - 1})`;

test.each<[string, (w: Written) => readonly string[], (w: Written) => VerifyReport["firstBad"]]>([
  [
    "one letter of a body",
    () => [`UPDATE event SET body = replace(body, 'third', 'turd!') WHERE run = ${ofRun(1)} AND seq = 4`],
    ({ one }) => ({ run: one, seq: 4, what: "does not match its hash" }),
  ],
  [
    "a time",
    () => [`UPDATE event SET at = at + 1 WHERE run = ${ofRun(2)} AND seq = 3`],
    ({ two }) => ({ run: two, seq: 3, what: "does not match its hash" }),
  ],
  [
    "a kind",
    () => [`UPDATE event SET kind = 'run.paused' WHERE run = ${ofRun(2)} AND seq = 3`],
    ({ two }) => ({ run: two, seq: 3, what: "does not match its hash" }),
  ],
  [
    "an entry taken out of the middle",
    () => [`DELETE FROM event WHERE run = ${ofRun(2)} AND seq = 3`],
    ({ two }) => ({ run: two, seq: 3, what: "is missing" }),
  ],
  [
    "an entry taken out, and the later ones moved up",
    () => [
      `DELETE FROM event WHERE run = ${ofRun(2)} AND seq = 3`,
      `UPDATE event SET seq = seq - 1 WHERE run = ${ofRun(2)} AND seq > 3`,
    ],
    ({ two }) => ({ run: two, seq: 3, what: "does not match its hash" }),
  ],
  [
    "two entries that changed places",
    () => [
      `UPDATE event SET seq = -3 WHERE run = ${ofRun(2)} AND seq = 3`,
      `UPDATE event SET seq = 3 WHERE run = ${ofRun(2)} AND seq = 4`,
      `UPDATE event SET seq = 4 WHERE run = ${ofRun(2)} AND seq = -3`,
    ],
    ({ two }) => ({ run: two, seq: 3, what: "does not match its hash" }),
  ],
  [
    "an entry moved to another run",
    () => [`UPDATE event SET run = ${ofRun(1)}, seq = 7 WHERE run = ${ofRun(2)} AND seq = 6`],
    ({ one }) => ({ run: one, seq: 7, what: "does not match its hash" }),
  ],
  [
    "the tail of a closed run cut",
    () => [`DELETE FROM event WHERE run = ${ofRun(1)} AND seq > 4`],
    ({ one }) => ({ run: one, seq: 5, what: "is missing: the ledger saw entries up to 6" }),
  ],
  [
    "all entries of a run",
    () => [`DELETE FROM event WHERE run = ${ofRun(2)}`],
    ({ two }) => ({ run: two, seq: 1, what: "is missing: the ledger saw entries up to 1" }),
  ],
  [
    "a whole run removed",
    () => [`DELETE FROM event WHERE run = ${ofRun(1)}`, `DELETE FROM run WHERE n = ${ofRun(1)}`],
    ({ one }) => ({
      run: one,
      seq: 1,
      what: "is missing: the whole run is gone, and the ledger knows it (line 1)",
    }),
  ],
  [
    "a line of the ledger",
    () => ["UPDATE ledger SET detail = 'abandoned' WHERE kind = 'closed'"],
    () => ({ run: "ledger", seq: 2, what: "does not match its hash" }),
  ],
  [
    "a line taken out of the ledger",
    () => ["DELETE FROM ledger WHERE n = 2"],
    () => ({ run: "ledger", seq: 2, what: "is missing" }),
  ],
  [
    "the ledger's last line cut",
    () => ["DELETE FROM ledger WHERE n = 3"],
    ({ two }) => ({ run: two, seq: 1, what: "is not in the ledger" }),
  ],
  [
    "the journal's own id",
    () => ["UPDATE meta SET value = 'other'"],
    () => ({ run: "ledger", seq: 1, what: "does not match its hash" }),
  ],
  [
    "the operator that the list shows",
    () => [`UPDATE run SET operator = 'eve' WHERE n = ${ofRun(1)}`],
    ({ one }) => ({ run: one, seq: 1, what: "is not what the list of runs says of it" }),
  ],
])("a change is named: %s", (_what, statements, bad) => {
  const all = written();
  tamper(all.folder, ...statements(all));
  expect(verifyIn(all.folder)).toMatchObject({ intact: false, firstBad: bad(all) });
});

test("a run that was written anew with right hashes is betrayed by the ledger", () => {
  const { folder, one } = written();
  rewrite(folder, one, (body) => body.replace("second", "nothing"));
  expect(verifyIn(folder).firstBad).toEqual({
    run: one,
    seq: 6,
    what: "was written anew: the ledger saw another hash",
  });
});

test("a byte changed in the file itself is named, though SQLite calls the file whole", () => {
  const { folder, two } = written();
  const file = `${folder}/journal.sqlite`;
  const bytes = readFileSync(file);
  bytes.write("F", bytes.lastIndexOf('"fifth"') + 1);
  writeFileSync(file, bytes);
  const db = new Database(file, { readonly: true });
  expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
  db.close();
  expect(verifyIn(folder).firstBad).toEqual({ run: two, seq: 6, what: "does not match its hash" });
});

test("damage that no chain sees is found by SQLite's own check", () => {
  const { folder } = written();
  tamper(
    folder,
    "PRAGMA writable_schema = ON",
    "UPDATE sqlite_schema SET sql = replace(sql, 'ON ledger (run, n)', 'ON ledger (n, run)') WHERE name = 'ledger_run'",
  );
  const { intact, firstBad } = verifyIn(folder);
  expect(intact).toBe(false);
  expect(firstBad).toMatchObject({ run: "ledger", seq: 0 });
  expect(firstBad?.what).toMatch(/^the file is damaged: .*ledger_run/);
});

test("a broken run can't be taken, and is free for the next who tries; a run beside it can", () => {
  const { folder, one, two } = written();
  tamper(folder, `UPDATE event SET body = 'null' WHERE run = ${ofRun(2)} AND seq = 2`);
  const { journal } = testJournal({ folder });
  for (let times = 0; times < 2; times += 1) {
    const fault = faultOf(() => journal.take(two));
    expect(fault).toMatchObject({ code: "HF-JOURNAL-BROKEN", exit: "journal" });
    expect(fault.message).toContain("entry 2 does not match its hash");
  }
  journal.take(one).release();
});

test.each([["{"], ["null"], ['"text"'], ["{}"], ['{"kind":"run.closed"}']])(
  "an entry that reads %s is a fault that names it, and hides no other run",
  (body) => {
    const { folder, one, two } = written();
    tamper(folder, `UPDATE event SET body = '${body}' WHERE run = ${ofRun(2)} AND seq = 2`);
    const { journal } = testJournal({ folder });
    const fault = faultOf(() => journal.read(two));
    expect(fault).toMatchObject({ code: "HF-JOURNAL-BROKEN", exit: "journal" });
    expect(fault.message).toContain("entry 2");
    expect(journal.read(one)).toHaveLength(6);
    expect(journal.runs().map(({ run, at }) => [run, at?.step])).toEqual([
      [two, "unreadable"],
      [one, undefined],
    ]);
  },
);

test("a first entry that is no run.opened is a broken run for list, take and verify alike", () => {
  const { folder, two } = written();
  rewrite(folder, two, (body) => (body.includes("run.opened") ? "[]" : body));
  const { journal } = testJournal({ folder });
  expect(journal.verify(two).firstBad).toMatchObject({ run: two, seq: 1 });
  expect(faultOf(() => journal.take(two)).code).toBe("HF-JOURNAL-BROKEN");
  expect(journal.runs()[0]?.at?.unknown).toBe(true);
});

test("a run that nobody knows is said to be unknown", () => {
  const { folder } = written();
  expect(faultOf(() => verifyIn(folder, "0190"))).toMatchObject({ code: "HF-JOURNAL-NO-RUN", exit: "input" });
});

/** What somebody does who knows the format: other bodies, and every hash made right again. */
function rewrite(folder: string, run: RunId, change: (body: string) => string): void {
  const db = new Database(`${folder}/journal.sqlite`, { readonly: true });
  const rows = db
    .prepare<[string], EventRow & { n: number }>(
      "SELECT event.* FROM event JOIN run ON run.n = event.run WHERE run.run = ? ORDER BY seq",
    )
    .all(run);
  db.close();
  let before = "";
  const statements = rows.map((row) => {
    const body = change(row.body);
    before = eventHash(run, before, { ...row, body });
    return `UPDATE event SET body = '${body.replaceAll("'", "''")}', hash = '${before}' WHERE n = ${row.n}`;
  });
  tamper(folder, ...statements);
}
