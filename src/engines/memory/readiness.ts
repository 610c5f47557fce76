import { Fault } from "../../core/errors.ts";
import type { ReadyPath, ReadyTable } from "../../core/readiness.ts";
import type { TableName } from "../inspect.ts";
import type { Readiness } from "../readiness.ts";
import type { Connection } from "./connection.ts";
import { clonePath, deadPath, examine } from "./evidence.ts";
import { memoryInspect } from "./inspect.ts";
import type { MemoryState } from "./state.ts";

export function memoryReadiness(connection: Connection): Readiness {
  const { server, assertAlive } = connection;
  const inspect = memoryInspect(connection);
  return {
    look: async ({ tables, most }, watch) => {
      assertAlive();
      const names =
        tables.length > 0 ? tables : (await inspect.suggestTables("")).slice(0, most).map((one) => one.table);
      const found: ReadyTable[] = [];
      for (const [done, name] of names.entries()) {
        watch.progress({ done, total: names.length, unit: "tables", note: name });
        const resolved = await inspect.resolveTable(name).catch(unknownOrThrow);
        found.push(
          typeof resolved === "string" ? server.read((state) => tableOf(state, resolved)) : missing(name, resolved),
        );
      }
      const { id, database } = server.read((state) => state);
      return {
        server: `memory server ${id}`,
        database,
        role: connection.request.session.person,
        settings: [],
        tables: found,
      };
    },
  };
}

function unknownOrThrow(error: unknown): Fault {
  if (error instanceof Fault && error.record.code === "HF-TABLE-UNKNOWN") return error;
  throw error;
}

function missing(table: string, { record }: Fault): ReadyTable {
  return { table, rows: 0, bytes: 0, with: [], open: false, unknown: record.message, paths: [] };
}

function tableOf(state: MemoryState, table: TableName): ReadyTable {
  const { tables } = examine(state, table);
  const names = tables.map((one) => one.table);
  const rows = tables.reduce((sum, one) => sum + one.aboutRows, 0);
  const paths = [deadRows(rows), ...cloneOf(state, names, rows)];
  const bytes = tables.reduce((sum, one) => sum + one.bytes, 0);
  return { table, rows, bytes, with: names.slice(1), open: true, unknown: null, paths };
}

function deadRows(rows: number): ReadyPath {
  return {
    path: deadPath,
    label: "read the dead rows",
    open: true,
    why: "row versions stay for a while",
    holds: "no vacuum and no read comes before the hold",
    takesMs: rows,
    loses: "what was pruned before the hold",
    opensWith: null,
    changes: [],
  };
}

/** Listed where a backup was taken. */
function cloneOf(state: MemoryState, names: readonly TableName[], rows: number): readonly ReadyPath[] {
  if (!names.some((name) => state.tables[name]?.archived)) return [];
  return [
    {
      path: clonePath,
      label: "a clone from the backup",
      open: true,
      why: "the backup and the log lead up to now",
      holds: "the backup stays where it is",
      takesMs: rows * 10,
      loses: "nothing",
      opensWith: null,
      changes: [],
    },
  ];
}
