import { setTimeout as wait } from "node:timers/promises";
import { Fault } from "../../../../core/errors.ts";
import { isJsonObject, type Json } from "../../../../core/json.ts";
import type { LeaseDraft, LeaseKeeper } from "../../../../core/lease.ts";
import type { HoldPart } from "../../../engine.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import type { PostgresTarget } from "../../target.ts";
import type { ClosureTable } from "../closure.ts";
import { cancelVacuums, here } from "./pins.ts";

/** What was set before, as text; null = nothing. `toast` is absent where there is no TOAST table or it was off already. */
interface Before {
  readonly heap?: string | null;
  readonly toast?: string | null;
}

export function isOff(option: string | null | undefined): boolean {
  return option != null && /^(off|false|f|no?|0)$/i.test(option);
}

/** Null where autovacuum is off already, for the table and its TOAST table. */
export function autovacuumOff(target: PostgresTarget, table: ClosureTable): HoldPart | null {
  const before: Before = {
    ...(isOff(table.autovacuum) ? {} : { heap: table.autovacuum }),
    ...(table.toast === null || isOff(table.toastAutovacuum) ? {} : { toast: table.toastAutovacuum }),
  };
  if (Object.keys(before).length === 0) return null;
  const facts = { before: { ...before } };
  const lease: LeaseDraft = {
    kind: "autovacuum-off",
    name: table.table,
    where: here,
    words: `Autovacuum is off for ${table.table}.`,
    protects: "Autovacuum does not come by while the rows are being rescued.",
    costs: "Dead rows of this table are not cleaned up until it is released.",
    byHand: alter(table.table, before),
    keepable: false,
    facts,
  };
  const relations = table.toast === null ? [table.oid] : [table.oid, table.toast];
  return { lease, take: () => takeIt(target, table.table, before, relations, facts) };
}

async function takeIt(
  target: PostgresTarget,
  table: TableName,
  before: Before,
  relations: readonly number[],
  facts: { readonly before: Json & object },
): Promise<Json> {
  const off = Object.fromEntries(Object.keys(before).map((part) => [part, "off"]));
  const connection = await target.open("writing");
  try {
    await alterSoon(connection, alter(table, off), relations);
  } finally {
    await connection.close();
  }
  return facts as Json;
}

/** A running autovacuum yields its lock only after deadlock_timeout, so that must be shorter than our lock_timeout. */
async function alterSoon(connection: Connection, sql: string, relations: readonly number[]): Promise<void> {
  const tries = 25;
  const lockMs = await makeVacuumYield(connection);
  await connection.run("preparing the session", `SET lock_timeout = '${lockMs}ms'`);
  for (let left = tries; ; left -= 1) {
    await cancelVacuums(connection, relations);
    try {
      await connection.run("changing autovacuum for a table", sql);
      return;
    } catch (error) {
      const busy = error instanceof Fault && error.record.code === "HF-PG-LOCK-TIMEOUT";
      if (!busy || left === 1) throw error;
      await wait(40);
    }
  }
}

async function makeVacuumYield(connection: Connection): Promise<number> {
  try {
    await connection.run("preparing the session", "SET deadlock_timeout = '20ms'");
    return 200;
  } catch {
    return 1500; // may not set it: wait for longer than its default of 1 s
  }
}

/** SET for what has a value, RESET for what had none. */
function alter(table: TableName, options: Before): string {
  const named = Object.entries(options).map(([part, value]) => [option(part), value as string | null] as const);
  const set = named.filter(([, value]) => value !== null).map(([name, value]) => `${name} = '${value}'`);
  const reset = named.filter(([, value]) => value === null).map(([name]) => name);
  return `ALTER TABLE ${table} ${[
    ...(set.length > 0 ? [`SET (${set.join(", ")})`] : []),
    ...(reset.length > 0 ? [`RESET (${reset.join(", ")})`] : []),
  ].join(", ")}`;
}

function option(part: string): string {
  return part === "toast" ? "toast.autovacuum_enabled" : "autovacuum_enabled";
}

export function autovacuumKeeper(target: PostgresTarget): LeaseKeeper {
  return {
    find: async ({ name, facts }) => {
      const ours = await stillOurs(await target.catalogue(), name, beforeOf(facts));
      return Object.keys(ours).length > 0 ? "present" : "absent";
    },
    release: async ({ name, facts }) => {
      const connection = await target.open("writing");
      try {
        const ours = await stillOurs(connection, name, beforeOf(facts));
        if (Object.keys(ours).length > 0) await alterSoon(connection, alter(name, ours), []);
      } finally {
        await connection.close();
      }
    },
  };
}

function beforeOf(facts: Json): Before {
  return isJsonObject(facts) && isJsonObject(facts.before) ? (facts.before as Before) : {};
}

/** The parts that are off now by us: what somebody turned on again, or a table that was dropped, is no longer ours to put back. */
async function stillOurs(connection: Connection, table: TableName, before: Before): Promise<Before> {
  const now = await autovacuumNow(connection, table);
  const still = Object.entries(before).filter(([part]) => isOff(part === "toast" ? now?.toast : now?.heap));
  return Object.fromEntries(still);
}

export async function autovacuumNow(
  connection: Connection,
  table: TableName,
): Promise<{ readonly heap: string | null; readonly toast: string | null } | null> {
  const value = (of: string) =>
    `(SELECT option_value FROM pg_options_to_table(${of}.reloptions) WHERE option_name = 'autovacuum_enabled')`;
  const [row] = await connection.rows(
    "reading a table's options",
    `SELECT ${value("c")} AS heap, ${value("t")} AS toast FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
      WHERE c.oid = to_regclass($1)`,
    [table],
  );
  return row ? { heap: row.heap ?? null, toast: row.toast ?? null } : null;
}
