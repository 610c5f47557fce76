import { Fault } from "../../core/errors.ts";
import type { RunId } from "../../core/ids.ts";
import type { Json } from "../../core/json.ts";
import type { Claim, Marker, MarkerRow } from "../marker.ts";
import type { Connection } from "./connection.ts";
import type { OpenTransaction, Transactions } from "./transaction.ts";

export function memoryMarker(connection: Connection, transactions: Transactions): Marker {
  const { server } = connection;
  return {
    state: async () => {
      connection.assertAlive();
      const { barred, markers } = server.read((state) => state);
      if (barred !== null) return { kind: "barred", why: barred };
      return { kind: markers === null ? "absent" : "present" };
    },
    create: async () => {
      connection.assertAlive();
      server.change((state) => {
        if (state.barred === null) state.markers ??= {};
      });
    },
    read: async (run, key) => {
      connection.assertAlive();
      return server.read((state) => rowsOf(state.markers ?? {}, run, key));
    },
    cancel: async () => transactions.cancel(),
    once: (claim, work) =>
      transactions.run(claim.key, async (tx, handle) => {
        const kept = claimRow(tx, claim, connection);
        if (kept.done) return kept.result as Awaited<ReturnType<typeof work>>;
        const result = await work(handle);
        keep(tx, claim, { ...kept, result, done: true });
        return result;
      }),
    advance: (claim, work) =>
      transactions.run(claim.key, async (tx, handle) => {
        const kept = claimRow(tx, claim, connection);
        const before = { cursor: kept.cursor, done: kept.done, result: kept.result };
        if (kept.done) return before;
        const batch = await work(handle, kept.cursor === null ? null : before);
        keep(tx, claim, { ...kept, ...batch });
        return batch;
      }),
  };
}

/** The first statement of the transaction; a row that is there already is read, one of another plan is refused. */
function claimRow(tx: OpenTransaction, claim: Claim, { request }: Connection): MarkerRow {
  if (tx.draft.markers === null) throw absent();
  const kept = tx.draft.markers[nameOf(claim)];
  if (kept !== undefined && kept.planDigest !== claim.planDigest) throw foreign(claim);
  if (kept !== undefined) return kept;
  const { key, planDigest, intentDigest } = claim;
  const at = new Date(request.clock.now()).toISOString();
  const row: MarkerRow = { key, planDigest, intentDigest, cursor: null, result: null, done: false, at };
  keep(tx, claim, row);
  return row;
}

function keep(tx: OpenTransaction, claim: Claim, row: MarkerRow): void {
  const copy = structuredClone(row) as MarkerRow & { readonly result: Json };
  tx.change((state) => {
    state.markers = { ...state.markers, [nameOf(claim)]: copy };
  });
}

function nameOf({ run, key }: Pick<Claim, "run" | "key">): string {
  return `${run} ${key}`;
}

function rowsOf(markers: Record<string, MarkerRow>, run: RunId, key: string): readonly MarkerRow[] {
  return Object.entries(markers)
    .filter(
      ([name, row]) => name === nameOf({ run, key: row.key }) && (row.key === key || row.key.startsWith(`${key}:`)),
    )
    .map(([, row]) => row);
}

function absent(): Fault {
  return new Fault("HF-MARKER-ABSENT", "The marker table is not on the target.", {
    still: "Nothing was written.",
    hint: "The step that makes it comes before every other effect: resume from there.",
  });
}

function foreign({ key }: Claim): Fault {
  return new Fault("HF-MARKER-FOREIGN", `The marker ${key} on the target belongs to another plan.`, {
    exit: "refused",
    still: "Nothing was written.",
    hint: "Two plans wrote under one run: compare their digests before anything else is done.",
  });
}
