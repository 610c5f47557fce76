import { isPassing, type RunEvent, type Stamped } from "../core/event.ts";
import type { RunId } from "../core/ids.ts";
import { eventHash, type EventRow } from "./chain.ts";
import { assertDurable, immediately } from "./database.ts";
import { fullFault, guarded, mayLackRoom } from "./errors.ts";
import { addToLedger, ledgerMark } from "./ledger.ts";
import type { Store } from "./store.ts";

/** Where a run's chain stands. `row` is the run's number in the file. */
export interface Tip {
  readonly run: RunId;
  readonly row: number;
  readonly seq: number;
  readonly hash: string;
  readonly isClosed: boolean;
}

export interface Dated {
  readonly at: number;
  readonly event: RunEvent;
}

/** An event with the row that holds it: what `event` says is read back from the stored text, so that no view knows more than the journal. */
interface Entry extends EventRow {
  readonly event: RunEvent;
}

/**
 * Writes the events in one transaction with one sync, and gives the new tip. When there is no room, what has happened is written into the
 * ballast's room; what is about to happen is refused. `place` runs first in the same transaction and gives the run's number in the file.
 */
export function append(
  store: Store,
  tip: Tip,
  events: readonly Dated[],
  place: () => number = () => tip.row,
): { readonly tip: Tip; readonly stamped: readonly Stamped[] } {
  const entries = chain(tip, events);
  const weight = weigh(events);
  const row = guarded(store.file, "an entry can't be written to the journal", () => {
    if (weight === "begins") store.ballast.ensure();
    store.reached("journal.append:before");
    const placed = withRoom(store, weight, () => commit(store, tip, entries, place));
    store.reached("journal.append:after");
    return placed;
  });
  return {
    tip: { ...tipAfter(tip, entries), row },
    stamped: entries.map(({ seq, at, event }) => ({ seq, at, event })),
  };
}

/** `begins`: after it something is done on a target. `tells`: it says what was done. `passes`: nothing is lost without it. */
type Weight = "begins" | "tells" | "passes";

function weigh(events: readonly Dated[]): Weight {
  const beginnings: readonly RunEvent["kind"][] = ["run.opened", "run.resumed", "step.intended", "lease.intended"];
  if (events.some(({ event }) => beginnings.includes(event.kind))) return "begins";
  return events.every(({ event }) => isPassing(event)) ? "passes" : "tells";
}

function chain(tip: Tip, events: readonly Dated[]): readonly Entry[] {
  let { seq, hash } = tip;
  return events.map(({ at, event }) => {
    const body = JSON.stringify(event);
    const row = { seq: ++seq, at: Math.trunc(at), kind: event.kind, body };
    hash = eventHash(tip.run, hash, row);
    return { ...row, hash, event: JSON.parse(body) as RunEvent };
  });
}

function commit(store: Store, tip: Tip, entries: readonly Entry[], place: () => number): number {
  const { db } = store;
  const row = immediately(db, () => {
    const placed = place();
    let isClosed = tip.isClosed;
    const insert = db.prepare("INSERT INTO event (run, seq, at, kind, body, hash) VALUES (?, ?, ?, ?, ?, ?)");
    for (const { seq, at, kind, body, hash, event } of entries) {
      insert.run(placed, seq, at, kind, body, hash);
      const mark = ledgerMark(event, isClosed);
      if (mark) addToLedger(db, { at, ...mark, run: tip.run, seq, head: hash });
      isClosed ||= event.kind === "run.closed";
    }
    store.reached("journal.append:inside");
    return placed;
  });
  assertDurable(db);
  return row;
}

function withRoom<T>(store: Store, weight: Weight, write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (!mayLackRoom(error) || weight !== "tells") throw error;
    if (!store.ballast.free()) throw fullFault(store.file, "the reserve of 8 MiB is used up as well");
    return write();
  }
}

function tipAfter(tip: Tip, entries: readonly Entry[]): Tip {
  const newest = entries.at(-1);
  if (!newest) return tip;
  const isClosed = tip.isClosed || entries.some(({ kind }) => kind === "run.closed");
  return { ...tip, seq: newest.seq, hash: newest.hash, isClosed };
}
