import { Fault } from "../../../../core/errors.ts";
import type { Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import { lsnNumber } from "../log/position.ts";
import { number, plural } from "../say.ts";
import { ahead, lowXid } from "../xid.ts";
import type { Settled } from "./fates.ts";
import { type RowKey, rowKeyOf } from "./row-key.ts";

/** A version that comes back, as it is weighed against others of the same row. */
export interface Weighed {
  readonly key: string | null;
  /** Which commit of the group took it, in their order; null where that is not known. */
  readonly rank: number | null;
  /** Its maker is no older than the first of the group: it may be a row that was put back meanwhile. */
  readonly young: boolean;
}

/**
 * A group may take a row, see it put back by somebody, and take it again: then its versions are several, and only the newest one comes
 * back, the one that the latest commit took. Memory grows with the rows of the group.
 */
export interface Newest {
  /** `deleter`, `maker`: 32 bits; a frozen maker is 0 or its own id. A deleter that first replaced the version by one of its own counts as well. */
  weigh(tuple: Buffer, deleter: number, maker: number): Weighed;
  /** It comes back, and is known to the caller by `handle`. */
  take(weighed: Weighed, handle: number): void;
  /** Whether it comes back is known later, by its place. */
  wait(place: number, weighed: Weighed, handle: number): void;
  arrive(place: number): void;
  /** Handles of the older versions. Faults `HF-PG-GROUP-ORDER`, `HF-PG-GROUP-KEY` where nobody can tell which those are. */
  older(): readonly number[];
}

/** Null where there is nothing to weigh: one transaction takes a row once. */
export async function newestOf(asking: Connection, statement: Statement, table: TableName): Promise<Newest | null> {
  if (statement.kind !== "group") return null;
  return newest(table, (await rowKeyOf(asking, table)) ?? noKey, statement);
}

/** Nothing tells then whether a row that was made while the group went on is one that it had taken before. */
const noKey: RowKey = { exact: false, of: () => null };

export function newest(table: TableName, rowKey: RowKey, statement: Statement): Newest {
  const ranks = ranksOf(statement);
  const first = lowXid(Math.min(...statement.transactions.map(Number)));
  const best = new Map<string, Best>();
  const waiting = new Map<number, { readonly weighed: Weighed; readonly handle: number }>();
  const older: number[] = [];
  const seen = { unordered: 0, alone: 0, packed: 0, young: 0 };

  const take: Newest["take"] = (weighed, handle) => {
    const { key, rank, young } = weighed;
    if (young) seen.young += 1;
    if (key === null) return void (seen.packed += 1);
    const known = best.get(key);
    if (known === undefined) {
      if (best.size === mostGroupRows) throw tooManyInGroup(table);
      const isDoubtful = young && !rowKey.exact;
      if (isDoubtful) seen.alone += 1;
      return void best.set(key, { rank, handle, isDoubtful });
    }
    if (known.isDoubtful) seen.alone -= 1;
    known.isDoubtful = false;
    if (rank === null || known.rank === null || rank === known.rank) seen.unordered += 1;
    else if (rank < known.rank) older.push(handle);
    else {
      older.push(known.handle);
      [known.rank, known.handle] = [rank, handle];
    }
  };
  return {
    weigh: (tuple, deleter, maker) => ({
      key: rowKey.of(tuple),
      rank: ranks.get(deleter) ?? null,
      young: maker >= 3 && ahead(maker, first) >= 0,
    }),
    take,
    wait: (place, weighed, handle) => waiting.set(place, { weighed, handle }),
    arrive: (place) => {
      const one = waiting.get(place);
      if (one) take(one.weighed, one.handle);
    },
    older: () => {
      if (seen.unordered > 0) throw orderUnknown(table, seen.unordered);
      const unsure = seen.packed > 0 ? seen.young : seen.alone;
      if (unsure > 0) throw keyUnsure(table, unsure);
      return older;
    },
  };
}

interface Best {
  rank: number | null;
  handle: number;
  isDoubtful: boolean;
}

/** By the places of their commits in the log. Empty where these are not known. */
function ranksOf({
  transactions,
  subtransactions,
  positions = [],
  parents = [],
}: Statement): ReadonlyMap<number, number> {
  if (positions.length !== transactions.length) return new Map();
  const inOrder = transactions
    .map((xid, nth) => ({ xid, at: lsnNumber(positions[nth] ?? "0/0") }))
    .toSorted((a, b) => (a.at < b.at ? -1 : 1));
  const ranks = new Map(inOrder.map(({ xid }, nth) => [xid, nth]));
  const ofSubs = subtransactions.map((xid, nth) => [xid, ranks.get(parents[nth] ?? "")] as const);
  return new Map(
    [...ranks, ...ofSubs].flatMap(([xid, rank]) => (rank === undefined ? [] : [[lowXid(Number(xid)), rank]])),
  );
}

/** What of the rows that come back remains when the older versions are counted as such. */
export function withoutOlder(settled: Settled, older: number): Settled {
  return older === 0 ? settled : { ...settled, rows: settled.rows - older, older };
}

/** Each costs about 100 bytes of memory here. */
export const mostGroupRows = 10_000_000;

const still = "Nothing was made on the target beyond the leases, and the evidence is still held.";
const hint =
  "Begin a new run that chooses one transaction at the step statement; then give this one up, so that the evidence stays held.";

export function tooManyInGroup(table: TableName): Fault {
  return new Fault("HF-PG-GROUP-SIZE", `the group took more than ${number(mostGroupRows)} rows of ${table}`, {
    exit: "refused",
    still,
    hint: "Begin a new run that chooses part of its transactions at the step statement, written as ids joined by +, or as two instants.",
  });
}

function orderUnknown(table: TableName, rows: number): Fault {
  return new Fault(
    "HF-PG-GROUP-ORDER",
    `${plural(rows, "version")} in ${table} are of rows that the group took more than once, and the log does not tell which commit came later`,
    { exit: "refused", still, hint },
  );
}

function keyUnsure(table: TableName, rows: number): Fault {
  return new Fault(
    "HF-PG-GROUP-KEY",
    `${plural(rows, "row")} of ${table} were made while the group went on, and by the bytes of their key (or without one) nobody can tell whether they are rows that it had taken before`,
    { exit: "refused", still, hint },
  );
}
