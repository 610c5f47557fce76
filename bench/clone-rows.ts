import type { Connection } from "../src/engines/postgres/connection.ts";
import { archiveAll, startArchivingServer, takeBackup } from "../test/support/backup.ts";
import { cloneByHand, cloneByWhere, type Damage } from "./clone-by-hand.ts";
import { emptyShop, fillTable } from "./shop.ts";
import { atMost, type Figure } from "./timing.ts";
import { type WholeRun, withHoldfast } from "./whole-run.ts";

const taken = "id % 10 <> 0";

/**
 * P1, the clone's path: nine tenths of a table were deleted and vacuumed away; a base backup from before it and the log since bring them
 * back. Against the same steps by hand, and, without a bar, against fewer of them; each on a server with damage of its own.
 */
export async function cloneRows(rows = 1_000_000): Promise<readonly Figure[]> {
  const byHand = await afterDamage(rows, cloneByHand);
  const byWhere = await afterDamage(rows, (damage) => cloneByWhere(damage, taken));
  const ours = await afterDamage(rows, cloneWithHoldfast);
  const what = `${((rows * 9) / 10).toLocaleString("en-US")} vacuumed rows back and verified by a clone, whole run`;
  const against = (hand: typeof byHand, who: string) =>
    atMost("P1", what, ours.totalMs / 1000, hand.totalMs / 1000, 1.1, "s", who);
  return [against(byHand, "by hand"), { ...against(byWhere, "by a known WHERE"), bar: "none", met: true }];
}

/** A fresh server, backed up and then damaged; what the work says, when nothing is missing after it. */
export async function afterDamage<T>(rows: number, work: (damage: Damage) => Promise<T>): Promise<T> {
  const from = await startArchivingServer({
    settings: { autovacuum: "off", max_wal_size: "8GB", shared_buffers: "512MB", track_commit_timestamp: "on" },
  });
  try {
    const session = await emptyShop(from.server);
    await fillTable(session, rows);
    const base = await takeBackup(from, "base");
    await damageIn(session);
    await session.client.query("vacuum public.t");
    await archiveAll(from, session);
    const result = await work({ from, base });
    const { count } = await session.row("counting", "select count(*) from public.t");
    if (Number(count) !== rows) throw new Error(`${count} of ${rows} rows are there`);
    await session.close();
    return result;
  } finally {
    await from.end();
  }
}

/** The transaction that takes nine rows of ten. */
export async function damageIn(session: Connection): Promise<void> {
  await session.run("the bad DELETE", `delete from public.t where ${taken}`);
}

export async function cloneWithHoldfast({ from, base }: Damage): Promise<WholeRun> {
  return withHoldfast(from.server, "clone", { base, log: { kind: "folder", folder: from.archive } });
}
