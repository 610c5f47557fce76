import type { Statement, StatementQuery, StatementSearch } from "../evidence.ts";
import type { TableName } from "../inspect.ts";
import type { MemoryState } from "./state.ts";

const rowsPerPage = 100;
const groupedWithinMs = 10 * 60_000;

/** Transactions that took rows, newest first; several small ones of one client beside their sum. */
export function candidates(state: MemoryState, query: StatementQuery): StatementSearch {
  const tables = query.tables.flatMap((name) => state.tables[name] ?? []);
  const all = committedOnes(state, query);
  const open = openOnes(state, query);
  const committed = all.filter(({ at }) => at !== null && isBetween(at, query.since, query.until));
  const ids = [...all, ...open].flatMap(({ transactions }) => transactions.map(Number));
  return {
    table: query.table,
    tables: query.tables,
    statements: [...open, ...groups(committed), ...committed],
    oldest: ids.length === 0 ? null : String(Math.min(...ids)),
    pruned: tables.reduce((total, table) => total + table.pruned, 0),
    pagesRead: tables.reduce((total, { rows, dead }) => total + pages(Object.keys(rows).length + dead.length), 0),
    findings: [],
  };
}

function pages(rows: number): number {
  return Math.ceil(rows / rowsPerPage);
}

function committedOnes(state: MemoryState, { tables }: StatementQuery): readonly Statement[] {
  const taken = new Map<number, Map<TableName, number>>();
  for (const name of tables) {
    const table = state.tables[name];
    for (const { deleter, maker, how } of table?.archived ?? table?.dead ?? []) {
      if (how === "updated" || maker === deleter) continue;
      const perTable = taken.get(deleter) ?? new Map<TableName, number>();
      taken.set(deleter, perTable.set(name, (perTable.get(name) ?? 0) + 1));
    }
  }
  return [...taken]
    .map(([xid, perTable]) => statementOf(state, xid, perTable))
    .toSorted((a, b) => Date.parse(b.at ?? "") - Date.parse(a.at ?? ""));
}

function isBetween(at: string, since: string | undefined, until: string | undefined): boolean {
  const time = Date.parse(at);
  return !(since !== undefined && time < Date.parse(since)) && !(until !== undefined && time > Date.parse(until));
}

function statementOf(state: MemoryState, xid: number, perTable: ReadonlyMap<TableName, number>): Statement {
  const commit = state.commits[xid];
  const tables = [...perTable].map(([table, rows]) => ({ table, rows }));
  return {
    value: String(xid),
    kind: "one",
    transactions: [String(xid)],
    subtransactions: [],
    at: commit?.at ?? null,
    until: null,
    rows: tables.reduce((total, one) => total + one.rows, 0),
    tables,
    doubts: [],
    who: commit?.who ?? null,
  };
}

function openOnes(state: MemoryState, query: StatementQuery): readonly Statement[] {
  return Object.entries(state.open).flatMap(([xid, { at, who, takes }]) => {
    const perTable = new Map<TableName, number>();
    for (const { table } of takes) perTable.set(table, (perTable.get(table) ?? 0) + 1);
    if (!query.tables.some((name) => perTable.has(name))) return [];
    return [{ ...statementOf(state, Number(xid), perTable), value: `open:${xid}`, kind: "open" as const, at, who }];
  });
}

/** A loop of small DELETEs: the same client and tables, one span of time. */
function groups(single: readonly Statement[]): readonly Statement[] {
  const alike = Map.groupBy(single, ({ who, tables }) => JSON.stringify([who, tables.map(({ table }) => table)]));
  return [...alike.values()].filter(isOneSpan).map((members) => {
    const oldestFirst = members.toReversed();
    const perTable = new Map<TableName, number>();
    for (const { table, rows } of members.flatMap((one) => one.tables))
      perTable.set(table, (perTable.get(table) ?? 0) + rows);
    return {
      value: oldestFirst.map((one) => one.value).join("+"),
      kind: "group" as const,
      transactions: oldestFirst.flatMap((one) => one.transactions),
      subtransactions: [],
      at: oldestFirst[0]?.at ?? null,
      until: oldestFirst.at(-1)?.at ?? null,
      rows: members.reduce((total, one) => total + one.rows, 0),
      tables: [...perTable].map(([table, rows]) => ({ table, rows })),
      doubts: ["grouped by client and time, not by the server"],
      who: members[0]?.who ?? null,
    };
  });
}

function isOneSpan(members: readonly Statement[]): boolean {
  const times = members.map(({ at }) => Date.parse(at ?? ""));
  return members.length > 1 && Math.max(...times) - Math.min(...times) <= groupedWithinMs;
}
