import type { RunId } from "../../core/ids.ts";
import type { Finding } from "../../core/step.ts";
import type { TableName } from "../inspect.ts";
import type { Merge, MergedBatch, MergeTable, VerifiedTable } from "../merge.ts";
import { type Fate, fateOf } from "./compare.ts";
import type { Connection } from "./connection.ts";
import { shortName } from "./evidence.ts";
import { areaTable, isRemoved } from "./rescue-area.ts";
import { keyOf, type MemoryState, type Row, sameRow } from "./state.ts";
import { put, tableOf } from "./traffic.ts";
import type { OpenTransaction, Transactions } from "./transaction.ts";

export function memoryMerge({ server, assertAlive }: Connection, transactions: Transactions): Merge {
  const look = <T>(work: (state: MemoryState) => T): T => {
    assertAlive();
    return server.read(work);
  };
  return {
    triggers: async (tables) =>
      look((state) =>
        tables.flatMap((table) => tableOf(state, table).design.triggers.map((one) => ({ table, ...one }))),
      ),
    closedModes: async () => ({}),
    order: async (tables) => look((state) => parentsFirst(state, tables)),
    prepare: (triggers): Record<string, string> => (triggers === "skip" ? { triggers: "off" } : {}),
    statements: async ({ run, table }) => [`insert into ${table} from ${shortName(run)} where the key is missing`],
    divisible: async () => false, // its transactions draft the whole state: only one may be open
    batch: async (tx, request, after, size) => insertBatch(transactions.of(tx), request, after, size),
    sequences: async (tx, { table: name }) => {
      const open = transactions.of(tx);
      const table = tableOf(open.draft, name);
      const highest = Math.max(0, ...Object.keys(table.rows).map(Number).filter(Number.isInteger));
      if (highest <= table.sequence) return [];
      const from = table.sequence;
      open.change((state) => void (tableOf(state, name).sequence = highest));
      return [{ sequence: `${name}.${table.design.key}`, from: String(from), to: String(highest) }];
    },
    verify: async (run, tables, watch) => {
      const verified = look((state) => tables.map((table) => verifiedTable(state, run, table)));
      watch.progress({ done: tables.length, total: tables.length, unit: "tables" });
      return verified;
    },
  };
}

function parentsFirst(state: MemoryState, tables: readonly TableName[]): readonly TableName[] {
  const sorted: TableName[] = [];
  const visit = (name: TableName, path: readonly TableName[]) => {
    if (sorted.includes(name) || path.includes(name)) return;
    for (const parent of tableOf(state, name).design.parents) {
      if (tables.includes(parent.table)) visit(parent.table, [...path, name]);
    }
    sorted.push(name);
  };
  for (const name of tables) visit(name, []);
  return sorted;
}

function insertBatch(open: OpenTransaction, request: MergeTable, after: number, size: number): MergedBatch {
  const { run, table: name } = request;
  const { rows } = areaTable(open.draft, run, name);
  const ours = rows.filter(({ ordinal }) => ordinal > after && ordinal <= after + size);
  let inserted = 0;
  for (const { row, ordinal } of ours) {
    const overwrites = isOverwritten(open.draft, request, row);
    const isSpared = !request.decided?.includes("removed-since") && isRemoved(open.draft, run, name, ordinal, row);
    if ((fateOf(open.draft, name, row) !== "insert" || isSpared) && !overwrites) {
      open.change((state) => void areaTable(state, run, name).left.push(ordinal));
      continue;
    }
    open.change((state) => {
      if (overwrites && isOverwritten(state, request, row))
        delete tableOf(state, name).rows[keyOf(tableOf(state, name), row)];
      writeRow(state, request, row, open.xid);
    });
    inserted += 1;
  }
  const upTo = after + size;
  return { upTo, inserted, left: ours.length - inserted, done: !rows.some(({ ordinal }) => ordinal > upTo) };
}

/** Only what is still as the safety copy has it. */
function isOverwritten(state: MemoryState, { run, table: name, decided = [] }: MergeTable, row: Row): boolean {
  if (!decided.includes("remade") || fateOf(state, name, row) !== "remade") return false;
  const table = tableOf(state, name);
  const present = table.rows[keyOf(table, row)]?.row;
  const copied = areaTable(state, run, name).safety?.overwritten ?? [];
  return present !== undefined && copied.some((one) => sameRow(one, present, table.design.columns));
}

function writeRow(state: MemoryState, { table: name, triggers }: MergeTable, row: Row, maker: number): void {
  const table = tableOf(state, name);
  const before = table.sequence;
  put(table, row, maker);
  table.sequence = before; // an explicit key does not move a sequence
  if (triggers === "skip") return;
  for (const one of table.design.triggers) table.fired[one.name] = (table.fired[one.name] ?? 0) + 1;
}

function verifiedTable(state: MemoryState, run: RunId, name: TableName): VerifiedTable {
  const table = tableOf(state, name);
  const { rows, left } = areaTable(state, run, name);
  const absent = rows.filter(({ row }) => table.rows[keyOf(table, row)] === undefined);
  const equal = rows.filter(({ row }) => {
    const present = table.rows[keyOf(table, row)];
    return present !== undefined && sameRow(present.row, row, table.design.columns);
  });
  return {
    table: name,
    rescued: rows.length,
    equal: equal.length,
    different: rows.length - equal.length - absent.length,
    remade: rows.filter((one) => left.includes(one.ordinal) && !absent.includes(one) && !equal.includes(one)).length,
    absent: absent.length,
    findings: reasons(
      absent.map(({ row, ordinal }) =>
        isRemoved(state, run, name, ordinal, row) ? "removed" : fateOf(state, name, row),
      ),
    ),
  };
}

/** A row that a merge would still insert has no reason to be missing. */
function reasons(fates: readonly (Fate | "removed")[]): readonly Finding[] {
  const many = (fate: Fate | "removed") => fates.filter((one) => one === fate).length;
  const told: readonly (readonly [number, Finding["level"], string])[] = [
    [many("removed"), "warn", "rows were made again and removed again since"],
    [many("orphan"), "warn", "rows have no parent"],
    [many("otherUnique"), "warn", "rows meet another unique key"],
    [many("insert"), "stop", "rows are missing and nothing stands against them"],
  ];
  return told.filter(([n]) => n > 0).map(([n, level, text]) => ({ level, text: `${n} ${text}` }));
}
