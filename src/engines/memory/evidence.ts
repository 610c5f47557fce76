import { Fault } from "../../core/errors.ts";
import type { RunId } from "../../core/ids.ts";
import type { LeaseState } from "../../core/run-state.ts";
import type { Finding } from "../../core/step.ts";
import type { HoldPart, Watch } from "../engine.ts";
import type {
  ChangedLease,
  Evidence,
  Examination,
  FreezeOptions,
  PathOption,
  Recovered,
  RowKeyText,
  Statement,
  StatementSearch,
} from "../evidence.ts";
import type { HeadStarts } from "../head-starts.ts";
import type { TableName } from "../inspect.ts";
import type { Connection } from "./connection.ts";
import { factOf } from "./inspect.ts";
import { holdPart } from "./leases.ts";
import { countOf, recoveredFrom, type Source } from "./recover.ts";
import { candidates } from "./search.ts";
import { keyOf, type MemoryState } from "./state.ts";
import { tableOf } from "./traffic.ts";

const openPath = "open-transaction";
export const deadPath = "dead-rows";
export const clonePath = "clone";

export function memoryEvidence(connection: Connection, ahead: HeadStarts<Recovered>): Evidence {
  const { server, assertAlive } = connection;
  const look = <T>(work: (state: MemoryState) => T): T => {
    assertAlive();
    return server.read(work);
  };
  return {
    traits: { readsDestroy: true, heldBy: "pin" },
    examine: async (table) => look((state) => examine(state, table)),
    freeze: async (table, options) => look((state) => freezeParts(connection, state, table, options)),
    held: async (leases) => look((state) => leases.flatMap((lease) => heldFinding(state, lease))),
    search: async (query, watch) => {
      const found = look((state) => candidates(state, query));
      watch.progress({ done: found.pagesRead, total: found.pagesRead, unit: "pages" });
      return found;
    },
    narrow: async (leases, search) => leases.flatMap((lease) => narrowed(connection, lease, search)),
    paths: async (statement) => look((state) => pathsOf(state, statement)),
    count: async (statement, path) => look((state) => countOf(state, statement, sourceOf(path))),
    recoveryParts: async (_statement, path, run) => [partOf(connection, path, run)],
    begin: (statement, path, run, watch) => {
      if (path === clonePath) ahead.begin(statement.value, (told) => cloned(connection, statement, run, told), watch);
    },
    recover: async (statement, path, run, watch) => {
      if (path === clonePath) return ahead.wait(statement.value, watch) ?? cloned(connection, statement, run, watch);
      proveTaken(connection, path, run);
      return look((state) => recoveredFrom(state, statement));
    },
    cancel: async (statement) => {
      assertAlive();
      const ended = statement.transactions.filter((xid) => server.read((state) => xid in state.open));
      if (ended.length === 0) throw alreadyEnded();
      server.change((state) => ended.forEach((xid) => delete state.open[xid]));
      return { ended: `transaction ${ended.join(", ")}` };
    },
    removedSince: async (statement, table) => look((state) => removedSince(state, statement, table)),
    fate: async ({ transactions }) => look((state) => fateOf(state, transactions)),
  };
}

function fateOf({ open, commits }: MemoryState, transactions: readonly string[]): "open" | "committed" | "aborted" {
  if (transactions.some((xid) => xid in open)) return "open";
  return transactions.some((xid) => xid in commits) ? "committed" : "aborted";
}

/** Ids are given out in the order in which transactions begin, and here each commits at once. */
function removedSince(state: MemoryState, { transactions }: Statement, name: TableName): readonly RowKeyText[] {
  const table = tableOf(state, name);
  const last = Math.max(...transactions.map(Number));
  return table.dead
    .filter(({ maker, how }) => maker > last && how === "deleted")
    .filter(({ deleter }) => !transactions.includes(String(deleter)))
    .map(({ row }) => [keyOf(table, row)]);
}

async function cloned(connection: Connection, statement: Statement, run: RunId, watch: Watch): Promise<Recovered> {
  proveTaken(connection, clonePath, run);
  await connection.server.cloning(watch);
  watch.signal.throwIfAborted();
  connection.assertAlive();
  return connection.server.read((state) => recoveredFrom(state, statement, "archive"));
}

function sourceOf(path: string): Source {
  return path === clonePath ? "archive" : "pages";
}

function partOf(connection: Connection, path: string, run: RunId): HoldPart {
  return path === clonePath ? clonePart(connection, run) : scratchPart(connection, run);
}

function proveTaken(connection: Connection, path: string, run: RunId): void {
  const { kind, name } = partOf(connection, path, run).lease;
  connection.assertAlive();
  if (!connection.server.read((state) => `${kind} ${name}` in state.holds)) throw new Error(`${name} was not taken`);
}

/** The table, then whatever refers to it, and so on. */
export function examine(state: MemoryState, table: TableName): Examination {
  const found = new Map<TableName, string>([[table, "the table itself"]]);
  for (const parent of found.keys()) {
    for (const [child, { design }] of Object.entries(state.tables)) {
      const key = design.parents.find((one) => one.table === parent);
      if (key !== undefined && !found.has(child)) {
        found.set(child, `refers to ${parent}${key.cascade ? ", and is deleted with it" : ""}`);
      }
    }
  }
  const tables = [...found].map(([name, why]) => ({ ...factOf(state, name), why }));
  return {
    table,
    tables,
    findings: [
      { level: "ok", text: tables.length === 1 ? "1 table belongs to it" : `${tables.length} tables belong together` },
    ],
  };
}

export function shortName(run: RunId): string {
  return `holdfast_${run.replaceAll("-", "").slice(-8)}`;
}

function freezeParts(
  connection: Connection,
  state: MemoryState,
  table: TableName,
  options: FreezeOptions,
): readonly HoldPart[] {
  const { run, lockTable } = options;
  const tables = examine(state, table).tables.map((fact) => fact.table);
  const pin = holdPart(connection, {
    kind: "row-pin",
    name: `${shortName(run)}_rows`,
    xmin: 1,
    words: "keeps every dead row version of this server",
    protects: "vacuum, and reads that prune",
    costs: "vacuum can't remove rows that die from now on, in any table",
  });
  const vacuums = tables.map((name) =>
    holdPart(connection, { kind: "vacuum-off", name: `${shortName(run)} ${name}`, words: `no autovacuum on ${name}` }),
  );
  const lock = holdPart(connection, {
    kind: "table-lock",
    name: `${shortName(run)} ${table}`,
    words: `nobody else reads or writes ${table}`,
  });
  return [pin, ...vacuums, ...(lockTable ? [lock] : [])];
}

const evidenceKinds: readonly string[] = ["row-pin", "vacuum-off", "table-lock"];

function heldFinding(state: MemoryState, { lease }: LeaseState): readonly Finding[] {
  if (!evidenceKinds.includes(lease.kind)) return [];
  if (`${lease.kind} ${lease.name}` in state.holds) return [{ level: "ok", text: `${lease.name} holds` }];
  return [{ level: "stop", text: `${lease.name} no longer holds`, hint: "Freeze again at once." }];
}

function narrowed({ server }: Connection, { lease }: LeaseState, search: StatementSearch): readonly ChangedLease[] {
  if (lease.kind !== "row-pin") return [];
  if (search.oldest === null) return [];
  const xmin = Number(search.oldest);
  const changed = server.change((state) => {
    const hold = state.holds[`${lease.kind} ${lease.name}`];
    if (hold === undefined || hold.xmin === null || hold.xmin >= xmin) return false;
    state.holds[`${lease.kind} ${lease.name}`] = { ...hold, xmin, facts: { xmin } };
    return true;
  });
  if (!changed) return [];
  return [{ lease: lease.id, words: `keeps row versions that died in ${xmin} or later`, facts: { xmin } }];
}

function pathsOf(state: MemoryState, statement: Statement): readonly PathOption[] {
  const isOpen = statement.transactions.some((xid) => xid in state.open);
  const rows = countOf(state, statement).reduce((total, table) => total + table.rows, 0);
  const feasible = !isOpen && rows > 0;
  const common = { takesMs: rows, needs: [] };
  return [
    {
      ...common,
      path: openPath,
      label: "end the open transaction",
      feasible: isOpen,
      why: isOpen ? "it is not committed yet" : "it is committed",
      rows: isOpen ? statement.rows : null,
      loses: "nothing",
      rescues: false,
      recommended: isOpen,
    },
    {
      ...common,
      path: deadPath,
      label: "read the dead rows",
      feasible,
      why: feasible ? "the row versions are still there" : "no row version is left to read",
      ...(feasible ? {} : { opensWith: "a freeze before the next vacuum" }),
      rows,
      loses: rows < statement.rows ? `${statement.rows - rows} rows that were pruned` : "nothing",
      rescues: true,
      recommended: feasible,
    },
    ...cloneOf(state, statement, isOpen),
  ];
}

/** Listed where a backup was taken: it has what no page has any more. */
function cloneOf(state: MemoryState, statement: Statement, isOpen: boolean): readonly PathOption[] {
  if (isOpen || !Object.values(state.tables).some(({ archived }) => archived)) return [];
  const rows = countOf(state, statement, "archive").reduce((total, table) => total + table.rows, 0);
  return [
    {
      path: clonePath,
      label: "a clone from the backup",
      feasible: rows > 0,
      why: rows > 0 ? "the backup and the log lead to just before it" : "it is from before the backup",
      takesMs: rows * 10,
      rows,
      loses: "nothing",
      needs: ["room for the whole backup"],
      rescues: true,
      recommended: false,
    },
  ];
}

function scratchPart(connection: Connection, run: RunId): HoldPart {
  return holdPart(connection, {
    kind: "scratch-server",
    name: `${shortName(run)}_scratch`,
    where: "machine",
    words: "a throw-away server of ours",
  });
}

function clonePart(connection: Connection, run: RunId): HoldPart {
  return holdPart(connection, {
    kind: "clone",
    name: `${shortName(run)}_clone`,
    where: "machine",
    words: "a clone of the server, from its backup",
    costs: "room for the whole backup",
  });
}

function alreadyEnded(): Fault {
  return new Fault("HF-TRANSACTION-ENDED", "The transaction is no longer open.", {
    still: "Nothing was ended.",
    hint: "Survey the paths again: if it was committed, its rows are dead rows now.",
  });
}
