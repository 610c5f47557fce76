import type { RunId } from "../../../core/ids.ts";
import type { Transaction } from "../../engine.ts";
import type { TableName } from "../../inspect.ts";
import type { PostgresTarget } from "../target.ts";
import { connectionOf } from "../transaction.ts";
import { closeToOthers } from "../close-to-others.ts";
import { areaName, areaTables, assertNotEmptied, findArea } from "./area.ts";
import { findBlocked, notBlocked } from "./blocked.ts";
import { type Comparison, comparison, isKeyed, isPresent, keyColumns } from "./comparison.ts";
import { setLocally } from "./settings.ts";

/**
 * From empty each time. Rescued rows stay as they are, so the keys to be inserted are those of all of them but the few that are left out:
 * only these are written down. Nothing is overwritten by a merge that only inserts, so that part stays empty here.
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

function keysSql(one: Comparison): string {
  const { rows, leftOut, ordinal } = one.area;
  const by = isKeyed(one) ? keyColumns(one) : one.columns;
  const columns = [ordinal, ...by.map((column) => column.quoted)].map((name) => `r.${name}`);
  return `select ${columns.join(", ")} from ${rows} as r where not exists (select from ${leftOut} as x where x.${ordinal} = r.${ordinal})`;
}
