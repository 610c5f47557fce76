import type { RunId } from "../../../core/ids.ts";
import type { Transaction } from "../../engine.ts";
import type { Replaced } from "../../evidence.ts";
import type { TableName } from "../../inspect.ts";
import type { ConflictKind } from "../../rescue-area.ts";
import { fromTable } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import type { PostgresTarget } from "../target.ts";
import { connectionOf } from "../transaction.ts";
import { closeToOthers } from "../close-to-others.ts";
import { areaName, type AreaTable, areaTables, assertNotEmptied, findArea } from "./area.ts";
import { findBlocked, notBlocked } from "./blocked.ts";
import { type Comparison, comparison, isKeyed, isPresent, type Keyed, keyColumns } from "./comparison.ts";
import { conflictSql } from "./conflicts.ts";
import { setLocally } from "./settings.ts";
import { assertSameFile, keyedValues, rescuedWithPlace, settable, stillThere } from "./values.ts";

/**
 * From empty each time. Rescued rows stay as they are, so the keys to be inserted are those of all of them but the few that are left out:
 * only these are written down. A merge that only inserts overwrites nothing but what was decided; of that, and of rows that are set back, the
 * present versions are copied.
 */
export async function takeSafetyCopy(
  target: PostgresTarget,
  tx: Transaction,
  run: RunId,
  table: TableName,
  decided: readonly ConflictKind[] = [],
): Promise<{ readonly keys: number; readonly overwritten: number }> {
  const connection = connectionOf(tx);
  await setLocally(connection, {
    row_security: "off",
    lock_timeout: `${target.request.limits.lockTimeoutMs}ms`,
    statement_timeout: "0",
  });
  const areas = await areaTables(connection, run);
  const area = findArea(areas, table, run);
  for (const one of areas) await assertNotEmptied(connection, one);
  if (area.values !== null) return copyValues(connection, run, keyedValues(area), area.values, decided);
  const one = comparison(area);
  const blocked = await findBlocked(
    connection,
    areas.map((each) => (each === area ? one : comparison(each))),
    decided,
  );
  const doing = `taking the safety copy of ${table}`;
  await connection.run(doing, `truncate ${area.leftOut}, ${area.overwritten}`);
  const overwritten = isKeyed(one) ? await copyConflicts(connection, one, decided) : 0;
  const leaveOut = `insert into ${area.leftOut} select r.${area.ordinal} from ${one.rescued} where`;
  await connection.run(doing, `${leaveOut} ${isPresent(one)} and not ${isCopied(area)}`);
  // Whoever removes one of these from now on means it: it is not put in behind their back.
  if (isKeyed(one))
    await connection.run(
      doing,
      `insert into ${area.removed} select r.${area.ordinal} from ${one.rescued} where ${isPresent(one)} on conflict do nothing`,
    );
  if (blocked.has(one))
    await connection.run(doing, `${leaveOut} not ${isPresent(one)} and not ${notBlocked(blocked, one, "r")}`);
  await connection.run(doing, `create or replace view ${area.keys} as ${keysSql(one)}`);
  await closeToOthers(connection, areaName(run));
  const { keys } = await connection.row(
    doing,
    `select ((select count(*) from ${area.rows}) - (select count(*) from ${area.leftOut}))::text as keys`,
  );
  return { keys: Number(keys) - overwritten, overwritten };
}

/** The row that stands against each conflict that was decided; where none does, there is nothing to copy. */
async function copyConflicts(connection: Connection, one: Keyed, decided: readonly ConflictKind[]): Promise<number> {
  const { area } = one;
  const own = area.columns.map((column) => column.quoted);
  let copied = 0;
  for (const kind of decided) {
    const conflict = conflictSql(one, kind);
    if (conflict === null || conflict.against === null) continue;
    const present = [`r.${area.ordinal}`, ...own.map((name) => `${conflict.against}.${name}`)].join(", ");
    copied += await connection.run(
      `copying rows of ${area.table} that will be overwritten`,
      `insert into ${area.overwritten} (${[area.ordinal, ...own].join(", ")}) select ${present} from ${conflict.from} where ${conflict.where}`,
    );
  }
  return copied;
}

function isCopied({ overwritten, ordinal }: AreaTable): string {
  return `exists (select from ${overwritten} as o where o.${ordinal} = r.${ordinal})`;
}

/** The present version of each row that will be set back, from empty each time; the others are noted as left out. */
async function copyValues(
  connection: Connection,
  run: RunId,
  one: Keyed,
  values: Replaced,
  decided: readonly ConflictKind[],
): Promise<{ readonly keys: number; readonly overwritten: number }> {
  const { area } = one;
  const doing = `taking the safety copy of ${area.table}`;
  await assertSameFile(connection, area);
  await connection.run(doing, `truncate ${area.leftOut}, ${area.overwritten}`);
  const own = area.columns.map((column) => column.quoted);
  const columns = [area.ordinal, ...own].join(", ");
  const present = [`r.${area.ordinal}`, ...own.map((name) => `t.${name}`)].join(", ");
  const untouched = await connection.run(
    doing,
    `insert into ${area.overwritten} (${columns}) select ${present} from ${rescuedWithPlace(one)}
       join ${fromTable(area.shape)} as t on ${stillThere(one, values)} where ${settable(one)}`,
  );
  const overwritten = untouched + (await copyConflicts(connection, one, decided));
  await connection.run(
    doing,
    `insert into ${area.leftOut} select r.${area.ordinal} from ${area.rows} as r where not ${isCopied(area)}`,
  );
  await connection.run(doing, `create or replace view ${area.keys} as ${keysSql(one)}`);
  await closeToOthers(connection, areaName(run));
  const gone = decided.includes("gone") ? conflictSql(one, "gone") : null;
  if (gone === null) return { keys: 0, overwritten };
  const keys = await connection.run(
    doing,
    `delete from ${area.leftOut} where ${area.ordinal} in (select r.${area.ordinal} from ${gone.from} where ${gone.where})`,
  );
  return { keys, overwritten };
}

function keysSql(one: Comparison): string {
  const { rows, leftOut, ordinal, overwritten } = one.area;
  const by = isKeyed(one) ? keyColumns(one) : one.columns;
  const isIn = (table: string) => `exists (select from ${table} as x where x.${ordinal} = r.${ordinal})`;
  const columns = [ordinal, ...by.map((column) => column.quoted)].map((name) => `r.${name}`);
  return `select ${columns.join(", ")} from ${rows} as r where not ${isIn(leftOut)} and not ${isIn(overwritten)}`;
}
