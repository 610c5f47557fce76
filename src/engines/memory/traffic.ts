import type { TableName } from "../inspect.ts";
import type { MemoryServer } from "./server.ts";
import { keyOf, type MemoryState, prune, type Row, type TableDesign, type TableState } from "./state.ts";

/** What the users of the server do to it: everything here is somebody else's work, not Holdfast's. */
export interface Doing {
  readonly who?: string;
  /** When it commits, RFC 3339. */
  readonly at?: string;
}

const someone = "app";
const sometime = "2026-11-21T02:51:17.204311Z";

export function createTable(server: MemoryServer, name: TableName, design: Partial<TableDesign>): void {
  const whole = { columns: ["id", "note"], key: "id", parents: [], unique: [], triggers: [], ...design };
  server.change((state) => {
    state.tables[name] = { design: whole, rows: {}, dead: [], pruned: 0, fired: {}, sequence: 0 };
  });
}

export function insert(server: MemoryServer, name: TableName, rows: readonly Row[], doing: Doing = {}): string {
  return server.change((state) => {
    const table = tableOf(state, name);
    const xid = commit(state, doing);
    for (const row of rows) put(table, row, xid);
    return String(xid);
  });
}

/** Deletes by key, with what cascades from it; gives the transaction's id. */
export function remove(server: MemoryServer, name: TableName, keys: readonly string[], doing: Doing = {}): string {
  return server.change((state) => {
    const taken = reached(state, name, keys);
    const xid = commit(state, doing);
    for (const { table, key } of taken) bury(tableOf(state, table), key, xid, "deleted");
    return String(xid);
  });
}

/** The same in a transaction that is not committed: everybody else still sees the rows. */
export function removeOpen(server: MemoryServer, name: TableName, keys: readonly string[], doing: Doing = {}): string {
  return server.change((state) => {
    const xid = state.nextXid++;
    state.open[xid] = { at: doing.at ?? sometime, who: doing.who ?? someone, takes: reached(state, name, keys) };
    return String(xid);
  });
}

export function update(server: MemoryServer, name: TableName, key: string, row: Row, doing: Doing = {}): string {
  return server.change((state) => {
    const table = tableOf(state, name);
    const xid = commit(state, doing);
    bury(table, key, xid, "updated");
    put(table, row, xid);
    return String(xid);
  });
}

/** From here on a clone can be made: nothing that dies is lost to it, whatever a vacuum removes. */
export function backUp(server: MemoryServer): void {
  server.change((state) => {
    for (const table of Object.values(state.tables)) table.archived = [];
  });
}

export function vacuum(server: MemoryServer, name: TableName): void {
  server.change((state) => prune(state, tableOf(state, name)));
}

/** The rows by key. Like any read of a table, it removes dead versions that nothing holds. */
export function select(server: MemoryServer, name: TableName): Readonly<Record<string, Row>> {
  return server.change((state) => {
    const table = tableOf(state, name);
    prune(state, table);
    return Object.fromEntries(Object.entries(table.rows).map(([key, version]) => [key, version.row]));
  });
}

export function tableOf(state: MemoryState, name: TableName): TableState {
  const table = state.tables[name];
  if (table === undefined) throw new Error(`no table ${name}`);
  return table;
}

export function put(table: TableState, row: Row, maker: number): void {
  const key = keyOf(table, row);
  if (table.rows[key] !== undefined) throw new Error("the key is there already");
  table.rows[key] = { row, maker };
  const ordinal = Number(key);
  if (Number.isInteger(ordinal)) table.sequence = Math.max(table.sequence, ordinal);
}

function commit(state: MemoryState, { who = someone, at = sometime }: Doing): number {
  const xid = state.nextXid++;
  state.commits[xid] = { at, who };
  return xid;
}

function bury(table: TableState, key: string, deleter: number, how: "deleted" | "updated"): void {
  const version = table.rows[key];
  if (version === undefined) throw new Error("no row has this key");
  delete table.rows[key];
  table.dead = [...table.dead, { ...version, deleter, how }];
  if (table.archived) table.archived = [...table.archived, { ...version, deleter, how }];
}

/** The rows themselves and, children first named after their parents, all that cascades. */
function reached(state: MemoryState, name: TableName, keys: readonly string[]): { table: TableName; key: string }[] {
  const gone = new Set(keys);
  const children = Object.entries(state.tables).flatMap(([child, { design, rows }]) =>
    design.parents
      .filter((parent) => parent.table === name)
      .flatMap(({ column, cascade }) => {
        const hit = Object.keys(rows).filter((key) => gone.has(rows[key]?.row[column] ?? ""));
        if (hit.length > 0 && !cascade) throw new Error(`rows of ${child} still refer to ${name}`);
        return hit.length > 0 ? reached(state, child, hit) : [];
      }),
  );
  return [...keys.map((key) => ({ table: name, key })), ...children];
}
