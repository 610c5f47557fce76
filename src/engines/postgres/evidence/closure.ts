import { Fault } from "../../../core/errors.ts";
import type { TableFact, TableName } from "../../inspect.ts";
import { droppedHint } from "../catalogue.ts";
import type { Connection, Row } from "../connection.ts";

/** A table that a DELETE reaches, with what the freeze and the search must know of it. */
export interface ClosureTable extends TableFact {
  readonly why: string;
  /** Its rows go too; false: they are only changed. */
  readonly goes: boolean;
  readonly oid: number;
  readonly toast: number | null;
  /** r, p (has no pages of its own), m, f. */
  readonly relkind: string;
  /** 32 bits; 0 where it has no storage. */
  readonly frozenXid: number;
  readonly frozenAge: number;
  readonly heap: boolean;
  /** `autovacuum_enabled` as it is set, for the table and its TOAST table; null = not set. */
  readonly autovacuum: string | null;
  readonly toastAutovacuum: string | null;
}

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly why: string;
  readonly goesOn: boolean;
}

/**
 * The table first, then whatever a DELETE in it reaches: partitions, and by foreign keys the children that it cascades to or that it
 * sets to null. Parents are not hit by a DELETE. From the catalogue alone.
 */
export async function closureOf(connection: Connection, table: TableName): Promise<readonly ClosureTable[]> {
  const found = await connection.row("looking up the table", "SELECT to_regclass($1)::oid::text AS oid", [table]);
  if (found.oid == null)
    throw new Fault("HF-TABLE-UNKNOWN", `there is no table ${table} in this database`, {
      exit: "input",
      hint: `Write it as schema.table, quoted as in SQL where a name needs it. ${droppedHint}`,
    });
  const reached = reach(Number(found.oid), await edges(connection));
  const facts = await tableFacts(connection, [...reached.keys()]);
  return [...reached].flatMap(([oid, how]) => {
    const row = facts.find((fact) => Number(fact.oid) === oid);
    return row ? [closureTable(row, how)] : [];
  });
}

async function edges(connection: Connection): Promise<readonly Edge[]> {
  const rows = await connection.rows(
    "following foreign keys",
    `SELECT confrelid::text AS from_oid, conrelid::text AS to_oid, confdeltype::text AS kind,
            quote_ident(conname) AS name, confrelid::regclass::text AS parent FROM pg_constraint
      WHERE contype = 'f' AND confdeltype IN ('c', 'n', 'd')
     UNION ALL SELECT inhparent::text, inhrelid::text, 'p', '', inhparent::regclass::text FROM pg_inherits i
       JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relkind IN ('r', 'p', 'f')
     ORDER BY 1, 3, 2`,
  );
  return rows.map((row) => ({
    from: Number(row.from_oid),
    to: Number(row.to_oid),
    why: edgeWords(row),
    goesOn: row.kind === "c" || row.kind === "p",
  }));
}

function edgeWords(row: Row): string {
  if (row.kind === "p") return `a partition or child of ${row.parent}`;
  if (row.kind === "c") return `a DELETE in ${row.parent} cascades to it (${row.name})`;
  const to = row.kind === "n" ? "null" : "its default";
  return `a DELETE in ${row.parent} sets its reference to ${to} (${row.name}): its rows are changed, not deleted`;
}

type Reached = Pick<ClosureTable, "why" | "goes">;

/** One that is only changed by one foreign key may be deleted by another, and then what hangs on it goes too. */
function reach(start: number, all: readonly Edge[]): ReadonlyMap<number, Reached> {
  const reached = new Map<number, Reached>([[start, { why: "the table itself", goes: true }]]);
  const deleted = [start];
  for (let at = deleted.shift(); at !== undefined; at = deleted.shift()) {
    for (const { from, to, why, goesOn } of all) {
      const before = reached.get(to);
      if (from !== at || before?.goes === true || (before && !goesOn)) continue;
      reached.set(to, { why, goes: goesOn });
      if (goesOn) deleted.push(to);
    }
  }
  return reached;
}

/** Tables beyond these that refer to them by a foreign key of any kind, however far: TRUNCATE ... CASCADE empties them too. */
export async function referrersOf(connection: Connection, tables: readonly TableName[]): Promise<readonly TableName[]> {
  const rows = await connection.rows(
    "following foreign keys",
    `WITH RECURSIVE edges AS (
       SELECT confrelid AS parent, conrelid AS child FROM pg_constraint WHERE contype = 'f'
       UNION ALL SELECT inhparent, inhrelid FROM pg_inherits),
     given AS (SELECT to_regclass(name)::oid AS oid FROM unnest($1::text[]) AS n(name)),
     reached AS (SELECT oid FROM given UNION SELECT e.child FROM reached r JOIN edges e ON e.parent = r.oid)
     SELECT c.oid::regclass::text AS table FROM reached r JOIN pg_class c USING (oid)
      WHERE c.relkind = 'r' AND c.oid NOT IN (SELECT oid FROM given WHERE oid IS NOT NULL) ORDER BY c.oid`,
    [[...tables]],
  );
  return rows.map((row) => row.table ?? "");
}

async function tableFacts(connection: Connection, oids: readonly number[]): Promise<readonly Row[]> {
  const may = await mayAskForFiles(connection);
  return connection.rows(
    "looking up tables",
    `SELECT c.oid::text, c.oid::regclass::text AS table, c.relkind::text, c.reltoastrelid::text AS toast,
            c.relfrozenxid::text AS frozen, CASE WHEN c.relfrozenxid::text <> '0' THEN age(c.relfrozenxid) ELSE 0 END::text AS age,
            greatest(c.reltuples, s.n_live_tup, 0)::bigint::text AS about,
            (${fileSize("c", may)} + ${fileSize("t", may)})::text AS bytes,
            (c.relam = 0 OR a.amname = 'heap')::text AS heap,
            (SELECT option_value FROM pg_options_to_table(c.reloptions) WHERE option_name = 'autovacuum_enabled') AS autovacuum,
            (SELECT option_value FROM pg_options_to_table(t.reloptions) WHERE option_name = 'autovacuum_enabled') AS toast_autovacuum
       FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid LEFT JOIN pg_am a ON a.oid = c.relam
       LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid WHERE c.oid = ANY ($1::text[]::oid[])`,
    [oids.map(String)],
  );
}

/** Asked for by itself: a query that only names the function is refused to a role that may not call it, whatever its CASE says. */
export async function mayAskForFiles(connection: Connection): Promise<boolean> {
  const sql = "SELECT has_function_privilege('pg_stat_file(text, boolean)', 'execute')::text AS may";
  return (await connection.row("asking what this role may do", sql)).may === "true";
}

/** The functions for sizes wait for locks, our own exclusive one among them: the file and the statistics do not. */
function fileSize(relation: string, mayAsk: boolean): string {
  const file = mayAsk ? `(pg_stat_file(pg_relation_filepath(${relation}.oid), true)).size` : "NULL";
  return `coalesce(greatest(${relation}.relpages::bigint * current_setting('block_size')::int, ${file}), 0)`;
}

function closureTable(row: Row, { why, goes }: Reached): ClosureTable {
  return {
    table: row.table ?? "",
    aboutRows: Number(row.about),
    bytes: Number(row.bytes),
    why,
    goes,
    oid: Number(row.oid),
    toast: row.toast === "0" || row.toast == null ? null : Number(row.toast),
    relkind: row.relkind ?? "",
    frozenXid: Number(row.frozen),
    frozenAge: Number(row.age),
    heap: row.heap === "true",
    autovacuum: row.autovacuum ?? null,
    toastAutovacuum: row.toast_autovacuum ?? null,
  };
}

/** Those with pages of their own. */
export function stored(tables: readonly ClosureTable[]): readonly ClosureTable[] {
  return tables.filter(({ relkind }) => relkind === "r" || relkind === "m");
}

/** Heaps and their TOAST tables. */
export function relationOids(tables: readonly ClosureTable[]): readonly number[] {
  return stored(tables).flatMap(({ oid, toast }) => (toast === null ? [oid] : [oid, toast]));
}
