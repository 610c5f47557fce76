import type { TableName } from "../../inspect.ts";
import type { LogEvent } from "./events.ts";
import type { RowsKind } from "./event-types.ts";
import { isStandalone, readGtid } from "./gtid.ts";
import { type LoggedQuery, readQuery } from "./query.ts";
import { readRows, tableIdOf } from "./row-images.ts";
import { readTableMap, type TableMap } from "./table-map.ts";

/** One transaction as the log has it. */
export interface LoggedTransaction {
  /** `0-1-138`, `uuid:17`; null where the server gives none. */
  readonly gtid: string | null;
  /** Bytes in the file: of its first event, and behind its last. */
  readonly from: number;
  readonly to: number;
  /** Seconds since 1970: when the last of its statements began. */
  readonly at: number;
  readonly server: number;
  /** Null where no event tells. */
  readonly thread: number | null;
  readonly tables: readonly LoggedTable[];
  /** As the log has it: may hold values, and is for the eye alone. */
  readonly text: string | null;
  /** How it ended. `prepared`: what became of it stands in another one. `statement`: a DDL, or an effect that is logged as its text. */
  readonly end: "commit" | "rollback" | "prepared" | "statement";
  /** What keeps its rows from being known to the last; empty where they are. */
  readonly unclear: readonly string[];
}

export interface LoggedTable {
  readonly table: TableName;
  readonly rows: Readonly<Record<RowsKind, number>>;
  /** Every image has every column. */
  readonly full: boolean;
}

interface Open {
  readonly gtid: string | null;
  readonly from: number;
  readonly server: number;
  at: number;
  thread: number | null;
  text: string | null;
  readonly maps: Map<number, TableMap>;
  readonly tables: Map<TableName, { rows: Record<RowsKind, number>; full: boolean }>;
  readonly unclear: Set<string>;
  readonly standalone: boolean;
}

/** The transactions of a file's events, in order. What is not ended when the events end is not told. */
export async function* transactionsIn(events: AsyncIterable<LogEvent>): AsyncGenerator<LoggedTransaction> {
  let open: Open | null = null;
  for await (const event of events) {
    if (event.kind === "gtid") {
      open = opened(event);
      continue;
    }
    open ??= beginsOne(event) ? opened(event) : null;
    if (open === null) continue;
    const end = heed(open, event);
    if (end === null) continue;
    yield ended(open, event, end);
    open = null;
  }
}

/** Without GTIDs a transaction begins with a BEGIN, or is one statement. */
function beginsOne({ kind }: LogEvent): boolean {
  return kind === "query" || kind === "compressed-transaction" || kind === "compressed-query";
}

function opened(event: LogEvent): Open {
  return {
    gtid: event.kind === "gtid" ? readGtid(event) : null,
    from: event.from,
    server: event.server,
    at: event.at,
    thread: null,
    text: null,
    maps: new Map(),
    tables: new Map(),
    unclear: new Set(),
    standalone: event.kind === "gtid" && isStandalone(event),
  };
}

/** Takes in what the event says; gives how the transaction ends where it ends by it. */
function heed(open: Open, event: LogEvent): LoggedTransaction["end"] | null {
  switch (event.kind) {
    case "table-map": {
      const map = readTableMap(event.body);
      open.maps.set(map.id, map);
      return null;
    }
    case "rows":
      heedRows(open, event);
      return null;
    case "statement-text":
      open.text ??= event.body.toString("utf8", event.type === 29 ? 1 : 0);
      return null;
    case "query":
      return heedQuery(open, event, readQuery(event.body));
    case "commit":
      return "commit";
    case "xa-prepare":
      return "prepared";
    case "compressed-transaction":
      open.unclear.add("a compressed transaction");
      return "commit";
    case "variable":
    case "bookkeeping":
    case "heartbeat":
      return null;
    default:
      open.unclear.add(
        event.kind === "unknown" ? `an event of the unknown type ${event.type}` : `a ${event.kind} event`,
      );
      return null;
  }
}

function heedRows(open: Open, event: LogEvent): void {
  open.at = event.at;
  const map = open.maps.get(tableIdOf(event.body));
  const rows = map === undefined ? null : readRows(event.type, event.body, map);
  if (map === undefined || rows === null)
    return void open.unclear.add("rows of a table that is not described, or of an unknown type");
  const found = open.tables.get(map.name) ?? { rows: { insert: 0, update: 0, delete: 0 }, full: true };
  found.rows[rows.kind] += rows.rows;
  found.full &&= rows.full;
  open.tables.set(map.name, found);
}

function heedQuery(open: Open, event: LogEvent, query: LoggedQuery): LoggedTransaction["end"] | null {
  open.thread ??= query.thread;
  const [word = "", second = ""] = query.text
    .trim()
    .toUpperCase()
    .split(/[\s;]+/, 2);
  if (
    word === "BEGIN" ||
    (word === "START" && second === "TRANSACTION") ||
    (word === "XA" && second !== "COMMIT" && second !== "ROLLBACK")
  )
    return null;
  if (word === "COMMIT" || (word === "XA" && second === "COMMIT")) return "commit";
  // A ROLLBACK TO leads back within it.
  if (word === "ROLLBACK" && !/^ROLLBACK\s+(?:WORK\s+)?TO\b/i.test(query.text)) return "rollback";
  if (word === "XA") return "rollback";
  if (word === "SAVEPOINT" || word === "ROLLBACK" || word === "RELEASE") {
    open.unclear.add("a savepoint, with changes that are logged as text");
    return null;
  }
  open.text ??= query.text;
  open.at = event.at;
  if (!isChange(word)) return "statement";
  open.unclear.add("a change that is logged as a statement, without its rows");
  return open.standalone ? "statement" : null;
}

/** Of rows: within a transaction, that goes on. All others (DDL) are one by themselves. */
function isChange(word: string): boolean {
  return ["DELETE", "UPDATE", "INSERT", "REPLACE", "LOAD", "WITH", "CALL"].includes(word);
}

function ended(open: Open, last: LogEvent, end: LoggedTransaction["end"]): LoggedTransaction {
  const tables = [...open.tables].map(([table, { rows, full }]) => ({ table, rows, full }));
  const { gtid, from, at, server, thread, text, unclear } = open;
  return { gtid, from, to: last.to, at, server, thread, tables, text, end, unclear: [...unclear] };
}
