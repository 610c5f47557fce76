import { Fault } from "../../../../core/errors.ts";
import type { HoldPart } from "../../../engine.ts";
import type { FreezeOptions } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import type { PostgresTarget } from "../../target.ts";
import { type ClosureTable, closureOf, relationOids, stored } from "../closure.ts";
import { type LockHolder } from "../reader.ts";
import { rightsOf } from "../rights.ts";
import { type FullXid, fullXid, nextXid } from "../xid.ts";
import { autovacuumOff } from "./autovacuum.ts";
import { extensionPart } from "./extension.ts";
import { rowPin, walPin } from "./pins.ts";
import { tableLock } from "./table-lock.ts";

const extensions = {
  pageinspect: "it reads raw pages, which prunes nothing.",
  pg_walinspect: "it reads the log, which knows rows that are off their pages.",
} as const;

/** In the order in which they must be taken: the rows' pin before anything else looks at the server. */
export async function freezeParts(
  target: PostgresTarget,
  table: TableName,
  options: FreezeOptions,
  holder: LockHolder,
): Promise<readonly HoldPart[]> {
  const connection = await target.catalogue();
  const tables = await closureOf(connection, table);
  const xmin = await oldestRow(connection, tables);
  const rights = await rightsOf(connection);
  const rows = rowPin(target, { run: options.run, xmin, relations: relationOids(tables) });
  // Once both pins hold: of the later parts any may be in place already, and then it is not listed again after a kill.
  const both = async () => [rows, thenCheckpoint(target, await walPin(target, options.run))];
  const pins = rights.listsLog ? await both() : [thenCheckpoint(target, rows)];
  return [
    ...(rights.replicates ? pins : []),
    ...(await owned(connection, stored(tables))).flatMap((one) => autovacuumOff(target, one) ?? []),
    ...(rights.superuser ? await missingExtensions(connection) : []).map((name) =>
      extensionPart(target, name, extensions[name], options.run),
    ),
    ...(options.lockTable ? [tableLock(target, table, holder)] : []),
  ];
}

/** The oldest transaction whose row may lie in one of the tables: nothing that was deleted since can be missed. */
async function oldestRow(connection: Connection, tables: readonly ClosureTable[]): Promise<FullXid> {
  const next = await nextXid(connection);
  // VACUUM FREEZE on a quiet server leaves the very next id.
  const ids = stored(tables).flatMap(({ frozenXid }) => (frozenXid < 3 ? [] : [fullXid(frozenXid, next + 1)]));
  if (ids.length > 0) return Math.min(...ids);
  throw new Fault("HF-PG-NO-STORAGE", "none of these tables holds rows of its own on this server", {
    exit: "refused",
    still: "Nothing was changed.",
    hint: "Foreign tables and views keep no deleted rows; look at the server behind them.",
  });
}

/** Options of a table are its owner's to change. */
async function owned(connection: Connection, tables: readonly ClosureTable[]): Promise<readonly ClosureTable[]> {
  const rows = await connection.rows(
    "asking whose the tables are",
    "SELECT oid::text FROM pg_class WHERE oid = ANY ($1::text[]::oid[]) AND pg_has_role(relowner, 'usage')",
    [tables.map(({ oid }) => String(oid))],
  );
  const ours = new Set(rows.map(({ oid }) => Number(oid)));
  return tables.filter(({ oid }) => ours.has(oid));
}

async function missingExtensions(connection: Connection): Promise<readonly (keyof typeof extensions)[]> {
  const rows = await connection.rows(
    "looking for extensions",
    `SELECT name::text FROM pg_available_extensions WHERE name = ANY ($1::text[]) AND installed_version IS NULL ORDER BY name`,
    [Object.keys(extensions)],
  );
  return rows.map(({ name }) => name as keyof typeof extensions);
}

/** A slot's xmin is only in memory until a checkpoint: one that follows all pins makes them outlive a crash. */
function thenCheckpoint(target: PostgresTarget, part: HoldPart): HoldPart {
  return {
    lease: part.lease,
    take: async () => {
      const facts = await part.take();
      const connection = await target.open("writing");
      try {
        await connection.run("making the pins outlive a crash", "CHECKPOINT");
      } catch (error) {
        // Without the right to it, the server's own next checkpoint does it; `held` says which of the two is true.
        if (!(error instanceof Fault) || error.record.code !== "HF-PG-NOT-ALLOWED") throw error;
      } finally {
        await connection.close();
      }
      return facts;
    },
  };
}
