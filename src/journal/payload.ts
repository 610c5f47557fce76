import { createHash, randomBytes } from "node:crypto";
import { Fault } from "../core/errors.ts";
import type { PayloadRef } from "../core/step.ts";
import type { Tip } from "./append.ts";
import { assertDurable, type Connection, immediately } from "./database.ts";
import { brokenFault, guarded } from "./errors.ts";
import { addToLedger } from "./ledger.ts";
import type { RunRow } from "./run-row.ts";
import type { Store } from "./store.ts";

const saltBytes = 16;

interface PayloadRow {
  readonly salt: Buffer | null;
  readonly bytes: Buffer | null;
}

/** Durable when it returns; name it in an event after that. The salt keeps a digest of few possible values from being guessed back. */
export function storePayload(store: Store, tip: Tip, what: string, bytes: Uint8Array): PayloadRef {
  const salt = randomBytes(saltBytes);
  const digest = payloadDigest(salt, bytes);
  const safe = store.redactor?.text(what) ?? what;
  guarded(store.file, "a payload can't be written to the journal", () => {
    store.ballast.ensure();
    immediately(store.db, () => {
      store.db
        .prepare("INSERT INTO payload (run, digest, what, size, salt, bytes) VALUES (?, ?, ?, ?, ?, ?)")
        .run(tip.row, digest, safe, bytes.length, salt, Buffer.from(bytes));
    });
    assertDurable(store.db);
  });
  return { digest, bytes: bytes.length, what: safe };
}

/**
 * Removes salt and bytes from every place in the file: pages are overwritten (`secure_delete`), and the log is emptied. May be repeated;
 * it must be after a Fault `HF-JOURNAL-ERASING`, because then the log may still hold the value.
 */
export function erasePayload(store: Store, tip: Tip, ref: PayloadRef): void {
  guarded(store.file, "a payload can't be erased from the journal", () => {
    store.reached("journal.erase:before");
    immediately(store.db, () => {
      const { changes } = store.db
        .prepare("UPDATE payload SET salt = NULL, bytes = NULL WHERE run = ? AND digest = ? AND bytes IS NOT NULL")
        .run(tip.row, ref.digest);
      if (changes === 0) return;
      const at = Math.trunc(store.clock.now());
      addToLedger(store.db, { at, kind: "erased", run: tip.run, seq: tip.seq, head: tip.hash, detail: ref.digest });
    });
    store.reached("journal.erase:committed");
    emptyLog(store.db);
    store.reached("journal.erase:after");
  });
}

/** Null when it was erased or never was. */
export function readPayload(db: Connection, row: RunRow, ref: PayloadRef): Uint8Array | null {
  const found = db
    .prepare<[number, string], PayloadRow>("SELECT salt, bytes FROM payload WHERE run = ? AND digest = ?")
    .get(row.n, ref.digest);
  if (!found?.salt || !found.bytes) return null;
  if (payloadDigest(found.salt, found.bytes) === ref.digest) return found.bytes;
  throw brokenFault(row.run, 0, `(payload ${ref.digest.slice(0, 12)}) is not what was stored`);
}

export function payloadDigest(salt: Uint8Array, bytes: Uint8Array): string {
  return createHash("sha256").update(salt).update(bytes).digest("hex");
}

function emptyLog(db: Connection): void {
  const [result] = db.pragma("wal_checkpoint(TRUNCATE)") as { busy: number }[];
  if (result?.busy === 0) return;
  throw new Fault(
    "HF-JOURNAL-ERASING",
    "a payload is erased, but the journal's log still holds it: another process reads",
    {
      still: "The value can no longer be read through Holdfast.",
      hint: "Wait until other processes have closed the journal, then erase it again.",
      exit: "journal",
    },
  );
}
