import type { RunId } from "../../../core/ids.ts";
import type { Transaction } from "../../engine.ts";
import type { Replaced } from "../../evidence.ts";
import type { TableName } from "../../inspect.ts";
import { fromTable } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import type { PostgresTarget } from "../target.ts";
import { connectionOf } from "../transaction.ts";
import { closeToOthers } from "../close-to-others.ts";
import { areaName, areaTables, assertNotEmptied, findArea } from "./area.ts";
import { findBlocked, notBlocked } from "./blocked.ts";
import { type Comparison, comparison, isKeyed, isPresent, type Keyed, keyColumns } from "./comparison.ts";
import { setLocally } from "./settings.ts";
import { assertSameFile, keyedValues, rescuedWithPlace, settable, stillThere } from "./values.ts";

/**
 * From empty each time. Rescued rows stay as they are, so the keys to be inserted are those of all of them but the few that are left out:
 * only these are written down. Nothing is overwritten by a merge that only inserts; of rows that are set back the present ones are copied.
 */
export async function takeSafetyCopy(
  target: PostgresTarget,
  tx: Transaction,
  run: RunId,
  table: TableName,
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
  if (area.values !== null) return copyValues(connection, keyedValues(area), area.values);
  const one = comparison(area);
  const blocked = await findBlocked(
    connection,
    areas.map((each) => (each === area ? one : comparison(each))),
  );
  const doing = `taking the safety copy of ${table}`;
  await connection.run(doing, `truncate ${area.leftOut}, ${area.overwritten}`);
  const leaveOut = `insert into ${area.leftOut} select r.${area.ordinal} from ${one.rescued} where`;
  await connection.run(doing, `${leaveOut} ${isPresent(one)}`);
  if (blocked.has(one))
    await connection.run(doing, `${leaveOut} not ${isPresent(one)} and not ${notBlocked(blocked, one, "r")}`);
  await connection.run(doing, `create or replace view ${area.keys} as ${keysSql(one)}`);
  await closeToOthers(connection, areaName(run));
  const { keys } = await connection.row(
    doing,
    `select ((select count(*) from ${area.rows}) - (select count(*) from ${area.leftOut}))::text as keys`,
  );
  return { keys: Number(keys), overwritten: 0 };
}

/** The present version of each row that will be set back, from empty each time; the others are noted as left out. */
async function copyValues(connection: Connection, one: Keyed, values: Replaced) {
  const { area } = one;
  const doing = `taking the safety copy of ${area.table}`;
  await assertSameFile(connection, area);
  await connection.run(doing, `truncate ${area.leftOut}, ${area.overwritten}`);
  const own = area.columns.map((column) => column.quoted);
  const columns = [area.ordinal, ...own].join(", ");
  const present = [`r.${area.ordinal}`, ...own.map((name) => `t.${name}`)].join(", ");
  const overwritten = await connection.run(
    doing,
    `insert into ${area.overwritten} (${columns}) select ${present} from ${rescuedWithPlace(one)}
       join ${fromTable(area.shape)} as t on ${stillThere(one, values)} where ${settable(one)}`,
  );
  const isCopied = `exists (select from ${area.overwritten} as o where o.${area.ordinal} = r.${area.ordinal})`;
  const leaveOut = `insert into ${area.leftOut} select r.${area.ordinal} from ${area.rows} as r where not ${isCopied}`;
  await connection.run(doing, leaveOut);
  return { keys: 0, overwritten };
}

function keysSql(one: Comparison): string {
  const { rows, leftOut, ordinal } = one.area;
  const by = isKeyed(one) ? keyColumns(one) : one.columns;
  const columns = [ordinal, ...by.map((column) => column.quoted)].map((name) => `r.${name}`);
  return `select ${columns.join(", ")} from ${rows} as r where not exists (select from ${leftOut} as x where x.${ordinal} = r.${ordinal})`;
}
