import type { RunId } from "../../../core/ids.ts";
import type { Transaction } from "../../engine.ts";
import type { TableName } from "../../inspect.ts";
import type { PostgresTarget } from "../target.ts";
import { connectionOf } from "../transaction.ts";
import { areaTables, assertNotEmptied, findArea } from "./area.ts";
import { findBlocked, notBlocked } from "./blocked.ts";
import { comparison, isPresent, keyColumns, mustCompare } from "./comparison.ts";
import { setLocally } from "./settings.ts";

/** From empty each time. Nothing is overwritten by a merge that only inserts, so that part stays empty here. */
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
  const one = mustCompare(area);
  await findBlocked(
    connection,
    areas.map((each) => (each === area ? one : comparison(each))).filter((each) => each !== null),
  );
  const columns = [area.ordinal, ...keyColumns(one).map((column) => column.quoted)];
  const doing = `taking the safety copy of ${table}`;
  await connection.run(doing, `truncate ${area.keys}, ${area.overwritten}`);
  const keys = await connection.run(
    doing,
    `insert into ${area.keys} (${columns.join(", ")}) select ${columns.map((name) => `r.${name}`).join(", ")}
     from ${one.rescued} where not ${isPresent(one)} and ${notBlocked(one, "r")}`,
  );
  return { keys, overwritten: 0 };
}
