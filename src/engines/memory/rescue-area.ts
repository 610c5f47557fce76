import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { RunId } from "../../core/ids.ts";
import type { HoldPart } from "../engine.ts";
import type { RowKeyText } from "../evidence.ts";
import type { Added, CheckedTable, ConflictKind, Filled, RescueArea, SampleRow } from "../rescue-area.ts";
import type { TableName } from "../inspect.ts";
import { fateOf } from "./compare.ts";
import type { Connection } from "./connection.ts";
import { fromLine, toLine } from "./copy-text.ts";
import { shortName } from "./evidence.ts";
import { type AreaTable, keyOf, type MemoryState, prune, type Row, sameRow } from "./state.ts";
import { tableOf } from "./traffic.ts";
import type { OpenTransaction, Transactions } from "./transaction.ts";

export function memoryRescueArea(connection: Connection, transactions: Transactions): RescueArea {
  const { server, assertAlive } = connection;
  return {
    name: shortName,
    part: (run, tables) => areaPart(connection, run, tables),
    fill: async (tx, run, table, columns, rows) => {
      const { lines, filled } = await digested(rows as Readable);
      transactions.of(tx).change((state) => {
        const stored = lines.map((line, at) => ({ ordinal: at + 1, row: fromLine(line, columns) }));
        areaOf(state, run)[table] = { columns, rows: stored, left: [], removed: [], safety: null };
      });
      return filled;
    },
    add: async (tx, run, table, columns, rows, differing) => {
      const { lines } = await digested(rows as Readable);
      const came = lines.map((line) => fromLine(line, columns));
      const counts = transactions.of(tx).change((state) => join(state, run, table, { columns, came, differing }));
      const { draft } = transactions.of(tx);
      const all = areaTable(draft, run, table).rows.map(({ row }) => `${toLine(row, columns)}\n`);
      const { filled } = await digested(Readable.from(all.map((line) => Buffer.from(line))));
      return { ...counts, ...filled };
    },
    noteRemoved: async (tx, run, name, keys) => noteRemoved(transactions.of(tx), run, name, keys),
    check: async (run, tables, watch, decided = []) => {
      assertAlive();
      const checked = server.change((state) => tables.map((table) => checkedTable(state, run, table, decided)));
      watch.progress({ done: tables.length, total: tables.length, unit: "tables" });
      return checked;
    },
    sample: async (run, name, rows, conflict) => {
      assertAlive();
      return server.read((state) => sampled(state, run, name, conflict).slice(0, rows));
    },
    safetyCopy: async (tx, run, name, decided = []) => safetyCopy(transactions.of(tx), run, name, decided),
  };
}

function sampled(state: MemoryState, run: RunId, name: TableName, conflict?: ConflictKind): readonly SampleRow[] {
  const table = tableOf(state, name);
  const isWanted = ({ row, ordinal }: { readonly row: Row; readonly ordinal: number }) => {
    if (conflict === undefined) return true;
    if (conflict === "remade") return fateOf(state, name, row) === "remade";
    return conflict === "removed-since" && isRemoved(state, run, name, ordinal, row);
  };
  const some = areaTable(state, run, name).rows.filter(isWanted);
  return some.map(({ row }) => ({ rescued: row, present: table.rows[keyOf(table, row)]?.row ?? null }));
}

function noteRemoved(open: OpenTransaction, run: RunId, name: TableName, keys: readonly RowKeyText[]): number {
  const table = tableOf(open.draft, name);
  const known = new Set(keys.map(([key]) => key));
  const { rows } = areaTable(open.draft, run, name);
  const removed = rows.filter(({ row }) => known.has(keyOf(table, row))).map(({ ordinal }) => ordinal);
  open.change((state) => {
    areaOf(state, run)[name] = { ...areaTable(state, run, name), removed };
  });
  return removed.length;
}

/** Made again, removed again, and not there. */
export function isRemoved(state: MemoryState, run: RunId, name: TableName, ordinal: number, row: Row): boolean {
  const table = tableOf(state, name);
  return areaTable(state, run, name).removed.includes(ordinal) && table.rows[keyOf(table, row)] === undefined;
}

function safetyCopy(open: OpenTransaction, run: RunId, name: TableName, decided: readonly ConflictKind[]) {
  const table = tableOf(open.draft, name);
  const { rows } = areaTable(open.draft, run, name);
  const keys = rows
    .filter(({ row, ordinal }) => decided.includes("removed-since") || !isRemoved(open.draft, run, name, ordinal, row))
    .map(({ row }) => keyOf(table, row))
    .filter((key) => table.rows[key] === undefined);
  const remade = rows.filter(({ row }) => decided.includes("remade") && fateOf(open.draft, name, row) === "remade");
  const overwritten = remade.map(({ row }) => table.rows[keyOf(table, row)]?.row ?? row);
  const present = rows.filter(({ row }) => table.rows[keyOf(table, row)] !== undefined).map(({ ordinal }) => ordinal);
  open.change((state) => {
    const area = areaTable(state, run, name);
    // Whoever removes one of these from now on means it.
    areaOf(state, run)[name] = { ...area, removed: [...area.removed, ...present], safety: { keys, overwritten } };
  });
  return { keys: keys.length, overwritten: overwritten.length };
}

function areaPart(
  { server, assertAlive }: Connection,
  run: RunId,
  tables: Parameters<RescueArea["part"]>[1],
): HoldPart {
  const name = shortName(run);
  const empty = tables.map(({ table, columns }): [TableName, AreaTable] => [
    table,
    { columns, rows: [], left: [], removed: [], safety: null },
  ]);
  return {
    lease: {
      kind: "rescue-area",
      name,
      where: "main",
      words: "the rescued rows, in a place of our own on this server",
      costs: "their space",
      byHand: `drop area ${name}`,
      keepable: true,
      facts: {},
    },
    take: async () => {
      assertAlive();
      server.change((state) => void (state.areas[name] ??= Object.fromEntries(empty)));
      return {};
    },
  };
}

function areaOf(state: MemoryState, run: RunId): Record<TableName, AreaTable> {
  const area = state.areas[shortName(run)];
  if (area === undefined) throw new Error("the rescue area is not there");
  return area;
}

export function areaTable(state: MemoryState, run: RunId, table: TableName): AreaTable {
  const found = areaOf(state, run)[table];
  if (found === undefined) throw new Error(`the rescue area has no ${table}`);
  return found;
}

interface Joining {
  readonly columns: readonly string[];
  readonly came: readonly Row[];
  readonly differing: "stays" | "gives-way";
}

/** Behind those that are there, in the order in which they come. */
function join(
  state: MemoryState,
  run: RunId,
  name: TableName,
  { columns, came, differing: how }: Joining,
): Pick<Added, "added" | "there" | "differing"> {
  const table = tableOf(state, name);
  const { rows, left, removed, safety } = areaOf(state, run)[name] ?? { rows: [], left: [], removed: [], safety: null };
  const present = new Map(rows.map(({ row }) => [keyOf(table, row), row]));
  const fresh = came.filter((row) => !present.has(keyOf(table, row)));
  const differing = came.filter((row) => {
    const before = present.get(keyOf(table, row));
    return before !== undefined && !sameRow(before, row, columns);
  });
  const newer = new Map(how === "stays" ? [] : differing.map((row) => [keyOf(table, row), row]));
  const kept = rows.map(({ ordinal, row }) => ({ ordinal, row: newer.get(keyOf(table, row)) ?? row }));
  const added = fresh.map((row, at) => ({ ordinal: rows.length + at + 1, row }));
  areaOf(state, run)[name] = { columns, rows: [...kept, ...added], left, removed, safety };
  return { added: fresh.length, there: came.length - fresh.length, differing: differing.length };
}

/** A sum of hashes: the order of the lines does not matter, and equal lines do not cancel out. */
async function digested(rows: Readable): Promise<{ readonly lines: readonly string[]; readonly filled: Filled }> {
  const lines: string[] = [];
  let [bytes, digest] = [0, 0n];
  for await (const line of createInterface({ input: rows, crlfDelay: 0 })) {
    lines.push(line);
    bytes += Buffer.byteLength(line) + 1;
    digest = BigInt.asUintN(64, digest + createHash("sha256").update(line).digest().readBigUInt64BE());
  }
  return { lines, filled: { rows: lines.length, bytes, digest: digest.toString() } };
}

function checkedTable(state: MemoryState, run: RunId, name: TableName, decided: readonly ConflictKind[]): CheckedTable {
  const table = tableOf(state, name);
  prune(state, table);
  const { rows } = areaTable(state, run, name);
  const keys = new Set(rows.map(({ row }) => keyOf(table, row)));
  const isSpared = (row: Row, ordinal: number) =>
    !decided.includes("removed-since") && isRemoved(state, run, name, ordinal, row);
  const fates = rows.map(({ row, ordinal }) =>
    isSpared(row, ordinal) ? "removed" : fateOf(state, name, row, (parent) => rescuedKeys(state, run, parent, decided)),
  );
  const many = (fate: string) => fates.filter((one) => one === fate).length;
  const duplicates = rows.length - keys.size;
  return {
    table: name,
    rows: rows.length,
    missing: rows.length - many("identical") - many("remade"),
    identical: many("identical"),
    remade: many("remade"),
    removedSince: many("removed"),
    otherUnique: many("otherUnique"),
    orphans: many("orphan"),
    duplicates,
    willInsert: many("insert") - duplicates,
    findings: [],
  };
}

/** Those that the merge will put in, as far as they are not spared. */
function rescuedKeys(
  state: MemoryState,
  run: RunId,
  name: TableName,
  decided: readonly ConflictKind[],
): ReadonlySet<string> {
  const rows = areaOf(state, run)[name]?.rows ?? [];
  const isComing = ({ row, ordinal }: (typeof rows)[number]) =>
    decided.includes("removed-since") || !isRemoved(state, run, name, ordinal, row);
  return new Set(rows.filter(isComing).map(({ row }) => keyOf(tableOf(state, name), row)));
}
