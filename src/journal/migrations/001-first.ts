/**
 * Entries are only ever added. Triggers stop an UPDATE, a DELETE and (with the guards on insert, whatever `recursive_triggers` says) a
 * REPLACE; they hold back accidents, not the owner of the file: for that there are the chains.
 */
export const first = `
CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('journal', lower(hex(randomblob(16))));

-- What a list of runs shows, copied out of run.opened.
CREATE TABLE run (
  n           INTEGER PRIMARY KEY,
  run         TEXT NOT NULL UNIQUE,
  opened_at   INTEGER NOT NULL,
  runbook     TEXT NOT NULL,
  title       TEXT NOT NULL,
  target      TEXT NOT NULL,
  database    TEXT NOT NULL,
  environment TEXT NOT NULL,
  purpose     TEXT NOT NULL,
  operator    TEXT NOT NULL
) STRICT;

CREATE TABLE event (
  n    INTEGER PRIMARY KEY,
  run  INTEGER NOT NULL REFERENCES run (n),
  seq  INTEGER NOT NULL,
  at   INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  hash TEXT NOT NULL,
  UNIQUE (run, seq)
) STRICT;
CREATE UNIQUE INDEX event_one_end ON event (run) WHERE kind = 'run.closed';

-- No reference to run: the ledger has to know a run that was taken away.
CREATE TABLE ledger (
  n      INTEGER PRIMARY KEY,
  at     INTEGER NOT NULL,
  kind   TEXT NOT NULL CHECK (kind IN ('opened', 'resumed', 'paused', 'closed', 'amended', 'erased')),
  run    TEXT NOT NULL,
  seq    INTEGER NOT NULL,
  head   TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash   TEXT NOT NULL
) STRICT;
CREATE INDEX ledger_run ON ledger (run, n);

-- Salt and bytes may be erased; the digest, which is in the chain, stays.
CREATE TABLE payload (
  n      INTEGER PRIMARY KEY,
  run    INTEGER NOT NULL REFERENCES run (n),
  digest TEXT NOT NULL UNIQUE,
  what   TEXT NOT NULL,
  size   INTEGER NOT NULL,
  salt   BLOB,
  bytes  BLOB,
  CHECK ((salt IS NULL) = (bytes IS NULL))
) STRICT;

CREATE TRIGGER meta_no_update BEFORE UPDATE ON meta BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER meta_no_delete BEFORE DELETE ON meta BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER meta_no_insert BEFORE INSERT ON meta BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;

CREATE TRIGGER run_no_update BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER run_no_delete BEFORE DELETE ON run BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER run_no_replace BEFORE INSERT ON run
WHEN EXISTS (SELECT 1 FROM run WHERE n = new.n OR run = new.run)
BEGIN SELECT RAISE(ABORT, 'the run is there already'); END;

CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER event_in_order BEFORE INSERT ON event
WHEN new.seq IS NOT coalesce((SELECT max(seq) FROM event WHERE run = new.run), 0) + 1
  OR EXISTS (SELECT 1 FROM event WHERE n = new.n)
BEGIN SELECT RAISE(ABORT, 'the entry is not the next of its run'); END;
CREATE TRIGGER event_one_end_only BEFORE INSERT ON event
WHEN new.kind = 'run.closed' AND EXISTS (SELECT 1 FROM event WHERE run = new.run AND kind = 'run.closed')
BEGIN SELECT RAISE(ABORT, 'the run is closed already'); END;

CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER ledger_in_order BEFORE INSERT ON ledger
WHEN new.n IS NOT coalesce((SELECT max(n) FROM ledger), 0) + 1
BEGIN SELECT RAISE(ABORT, 'the entry is not the next of the ledger'); END;

CREATE TRIGGER payload_no_delete BEFORE DELETE ON payload BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER payload_no_replace BEFORE INSERT ON payload
WHEN EXISTS (SELECT 1 FROM payload WHERE n = new.n OR digest = new.digest)
BEGIN SELECT RAISE(ABORT, 'the payload is there already'); END;
CREATE TRIGGER payload_only_erased BEFORE UPDATE ON payload
WHEN new.salt IS NOT NULL OR new.bytes IS NOT NULL OR new.n IS NOT old.n OR new.run IS NOT old.run
  OR new.digest IS NOT old.digest OR new.what IS NOT old.what OR new.size IS NOT old.size
BEGIN SELECT RAISE(ABORT, 'a payload can be erased, not changed'); END;
`;
