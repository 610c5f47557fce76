import { Fault } from "../../../../core/errors.ts";
import type { ExitName } from "../../../../core/exit-codes.ts";
import type { ReadyPath, ReadyServer, ReadySetting, ReadyTable } from "../../../../core/readiness.ts";
import type { Watch } from "../../../engine.ts";
import type { TableName } from "../../../inspect.ts";
import type { Readiness } from "../../../readiness.ts";
import type { Connection } from "../../connection.ts";
import { identity } from "../../identity.ts";
import { markerGrants } from "../../marker/state.ts";
import { inspect } from "../../inspect.ts";
import type { PostgresTarget } from "../../target.ts";
import type { Closed } from "../closed.ts";
import { type ClosureTable, closureOf, stored } from "../closure.ts";
import type { Ahead, PathContext } from "../paths/path.ts";
import { recoveryPaths } from "../paths/paths.ts";
import { enterable, unwritable } from "../rights.ts";
import { withReasons } from "./reasons.ts";
import { settingsOf } from "./settings.ts";
import { stopsOf } from "./stops.ts";

/** `contextOf`: anew for each look, since what was read of the log for one may not be so any more at the next. */
export function readinessOf(target: PostgresTarget, contextOf: () => PathContext): Readiness {
  return {
    look: async ({ tables, most }, watch): Promise<ReadyServer> => {
      const connection = await target.catalogue();
      const { words, database } = await identity(target);
      const { role } = await connection.row("asking who we are", "SELECT current_user::text AS role");
      const settings = await settingsOf(connection, target.request.backup !== undefined);
      const context = contextOf();
      const names = tables.length > 0 ? tables : await largest(target, most);
      const found: ReadyTable[] = [];
      for (const [done, name] of names.entries()) {
        watch.signal.throwIfAborted();
        watch.progress({ done, total: names.length, unit: "tables", note: name });
        found.push(await tableOf({ context, settings, watch }, name));
      }
      return { server: words, database, role: role ?? "", settings, tables: found };
    },
  };
}

async function largest(target: PostgresTarget, most: number): Promise<readonly TableName[]> {
  return (await inspect(target).suggestTables("")).slice(0, most).map(({ table }) => table);
}

interface Look {
  readonly context: PathContext;
  readonly settings: readonly ReadySetting[];
  readonly watch: Watch;
}

async function tableOf(look: Look, written: string): Promise<ReadyTable> {
  try {
    return await found(look, await inspect(look.context.target).resolveTable(written));
  } catch (error) {
    if (!(error instanceof Fault) || !ofTheTable.includes(error.record.exit)) throw error;
    const { message, hint } = error.record;
    const unknown = hint === undefined ? `${message}.` : `${message}. ${hint}`;
    return { table: written, rows: 0, bytes: 0, with: [], open: false, unknown, paths: [] };
  }
}

/** There is none of that name, or the role may not even enter its schema: the other tables are told of all the same. */
const ofTheTable: readonly ExitName[] = ["input", "refused"];

async function found(look: Look, table: TableName): Promise<ReadyTable> {
  const closure = await closureOf(await look.context.target.catalogue(), table);
  // Rows whose reference is only set to null are not lost.
  const hit = stored(closure.filter(({ goes }) => goes));
  const sum = (of: (one: ClosureTable) => number) => hit.reduce((total, one) => total + of(one), 0);
  const ahead = {
    tables: hit.map((one) => one.table),
    rows: sum(({ aboutRows }) => aboutRows),
    bytes: sum(({ bytes }) => bytes),
  };
  const paths = await pathsOf(look, table, ahead);
  return {
    table,
    rows: ahead.rows,
    bytes: ahead.bytes,
    with: ahead.tables.filter((name) => name !== table),
    open: paths.some(({ open }) => open),
    unknown: null,
    paths,
  };
}

/** In the order in which a run asks: whether it may begin, each path, whether rows may be put back. */
async function pathsOf(
  { context, settings, watch }: Look,
  table: TableName,
  ahead: Ahead,
): Promise<readonly ReadyPath[]> {
  const connection = await context.target.catalogue();
  const stops = ahead.tables.length > 0 ? await stopsOf(context.target, table, settings) : [noRows(table)];
  const unfit = await unfitFor(connection, ahead.tables, stops);
  const known = { ...ahead, tables: await enterable(connection, ahead.tables) };
  const paths: ReadyPath[] = [];
  for (const { ready } of recoveryPaths) {
    const path = await ready?.(context, known, watch);
    if (path !== undefined) paths.push(withReasons(path, stops, unfit));
  }
  return paths;
}

/** A stop may have said it of the table itself; what opens it is for all of them. */
async function unfitFor(
  connection: Connection,
  tables: readonly TableName[],
  stops: readonly Closed[],
): Promise<readonly Closed[]> {
  const unfit = await unwritable(connection, tables);
  const marking = await markerGrants(connection);
  const told = stops.some(({ why }) => why.includes("may not put rows back"));
  return [
    ...(unfit === null ? [] : [told ? { ...unfit, why: "" } : unfit]),
    ...(marking.length === 0 ? [] : [{ why: "", opensWith: "", statements: marking }]),
  ];
}

function noRows(table: TableName): Closed {
  return { why: `${table} has no rows of its own on this server.`, opensWith: "The server behind it." };
}
