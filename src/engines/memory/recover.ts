import { Readable } from "node:stream";
import type { Recovered, RecoveredTable, Statement } from "../evidence.ts";
import { toLine } from "./copy-text.ts";
import { byKey, keyOf, type MemoryState, type TableState } from "./state.ts";

/** `pages`: what no vacuum has removed. `archive`: all that died since the backup. */
export type Source = "pages" | "archive";

/** The rule of the engine contract: what these transactions deleted and did not make themselves. */
export function countOf(state: MemoryState, statement: Statement, source: Source = "pages"): readonly RecoveredTable[] {
  const ids = idsOf(statement);
  return statement.tables.flatMap(({ table: name }) => {
    const table = state.tables[name];
    if (table === undefined) return [];
    const ours = versionsOf(table, source).filter((version) => ids.has(version.deleter));
    const foreign = ours.filter((version) => !ids.has(version.maker));
    const deleted = foreign.filter((version) => version.how === "deleted");
    const rows = newestOf(table, deleted).length;
    return [
      {
        table: name,
        columns: table.design.columns,
        rows,
        updated: foreign.filter((version) => version.how === "updated").length,
        moved: 0,
        own: ours.length - foreign.length,
        unknown: 0,
        ...(rows < deleted.length ? { older: deleted.length - rows } : {}),
        bytes: linesOf(table, ids, source).join("\n").length,
      },
    ];
  });
}

export function recoveredFrom(state: MemoryState, statement: Statement, source: Source = "pages"): Recovered {
  const ids = idsOf(statement);
  const tables = countOf(state, statement, source);
  const lines = new Map(tables.map(({ table }) => [table, linesOf(state.tables[table], ids, source)]));
  let isClosed = false;
  return {
    tables,
    rows: async (table) => {
      if (isClosed) throw new Error("the recovered rows were let go of");
      return Readable.from((lines.get(table) ?? []).map((line) => Buffer.from(`${line}\n`)));
    },
    close: async () => void (isClosed = true),
  };
}

function versionsOf({ dead, archived = [] }: TableState, source: Source): TableState["dead"] {
  return source === "pages" ? dead : archived;
}

function linesOf(table: TableState | undefined, ids: ReadonlySet<number>, source: Source): readonly string[] {
  if (table === undefined) return [];
  const deleted = versionsOf(table, source).filter(
    ({ deleter, maker, how }) => ids.has(deleter) && !ids.has(maker) && how === "deleted",
  );
  return newestOf(table, deleted)
    .map((version) => version.row)
    .toSorted((a, b) => byKey(keyOf(table, a), keyOf(table, b)))
    .map((row) => toLine(row, table.design.columns));
}

/** A row that was put back and then taken again comes back once, as it was taken last: transactions here end in the order in which they began. */
function newestOf(table: TableState, versions: TableState["dead"]): TableState["dead"] {
  const inOrder = versions.toSorted((a, b) => a.deleter - b.deleter);
  return [...new Map(inOrder.map((version) => [keyOf(table, version.row), version])).values()];
}

function idsOf({ transactions, subtransactions }: Statement): ReadonlySet<number> {
  return new Set([...transactions, ...subtransactions].map(Number));
}
