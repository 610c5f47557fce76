import { isDeepStrictEqual } from "node:util";
import type { RunEvent } from "../core/event.ts";
import type { RunId } from "../core/ids.ts";
import type { Tip } from "./append.ts";
import { eventHash, type EventRow, type LedgerRow } from "./chain.ts";
import type { Connection } from "./database.ts";
import { payloadDigest } from "./payload.ts";
import { type RunRow, runRow } from "./run-row.ts";

/** The first entry of a run that does not hold. */
export interface Bad {
  readonly run: RunId;
  readonly seq: number;
  readonly what: string;
}

/** Kinds of event that the ledger must have seen. */
const marked = new Set(["run.opened", "run.resumed", "run.paused", "run.closed"]);

/** Walks a run's chain once, from disk, and holds it against what the ledger saw (`seen`: its lines about this run). */
export function proveRun(db: Connection, row: RunRow, seen: readonly LedgerRow[]): Bad | Tip {
  const bad = (seq: number, what: string): Bad => ({ run: row.run, seq, what });
  const heads = Map.groupBy(seen, ({ seq }) => seq);
  const rows = db
    .prepare<[number], EventRow>("SELECT seq, at, kind, body, hash FROM event WHERE run = ? ORDER BY seq")
    .iterate(row.n);
  let tip: Tip = { run: row.run, row: row.n, seq: 0, hash: "", isClosed: false };
  for (const event of rows) {
    const what = badLink(tip, event, heads.get(event.seq) ?? []);
    if (what !== null) return bad(what === missing ? tip.seq + 1 : event.seq, what);
    if (event.seq === 1 && !isCopy(row, event)) return bad(1, "is not what the list of runs says of it");
    tip = { ...tip, seq: event.seq, hash: event.hash, isClosed: tip.isClosed || event.kind === "run.closed" };
  }
  const last = seen.reduce((most, { seq }) => Math.max(most, seq), 1);
  if (tip.seq < last) return bad(tip.seq + 1, `${missing}: the ledger saw entries up to ${last}`);
  const payload = badPayload(db, row, seen);
  return payload === null ? tip : bad(tip.seq, payload);
}

const missing = "is missing";

function badLink(tip: Tip, event: EventRow, lines: readonly LedgerRow[]): string | null {
  if (event.seq !== tip.seq + 1) return missing;
  if (eventHash(tip.run, tip.hash, event) !== event.hash) return "does not match its hash";
  if (lines.some(({ head }) => head !== event.hash)) return "was written anew: the ledger saw another hash";
  if (mustBeSeen(tip, event) && lines.length === 0) return "is not in the ledger";
  return null;
}

function mustBeSeen(tip: Tip, event: EventRow): boolean {
  return tip.isClosed || marked.has(event.kind);
}

function isCopy(row: RunRow, { at, kind, body }: EventRow): boolean {
  if (kind !== "run.opened") return false;
  try {
    const copy = runRow(row.n, at, JSON.parse(body) as Extract<RunEvent, { kind: "run.opened" }>);
    return isDeepStrictEqual(copy, { ...row });
  } catch {
    // A body that another program made up may be anything.
    return false;
  }
}

interface PayloadRow {
  readonly digest: string;
  readonly salt: Buffer | null;
  readonly bytes: Buffer | null;
}

function badPayload(db: Connection, { n }: RunRow, seen: readonly LedgerRow[]): string | null {
  const erased = new Set(seen.filter(({ kind }) => kind === "erased").map(({ detail }) => detail));
  const payloads = db.prepare<[number], PayloadRow>("SELECT digest, salt, bytes FROM payload WHERE run = ?").iterate(n);
  for (const { digest, salt, bytes } of payloads) {
    const name = `has a payload (${digest.slice(0, 12)}) beside it that`;
    if (salt === null || bytes === null) {
      if (!erased.has(digest)) return `${name} was removed, and the ledger does not know it`;
    } else if (payloadDigest(salt, bytes) !== digest) return `${name} does not match its digest`;
  }
  return null;
}
