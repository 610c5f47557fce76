import { setTimeout as wait } from "node:timers/promises";
import { Fault } from "../../../../core/errors.ts";
import type { LeaseDraft, LeaseKeeper } from "../../../../core/lease.ts";
import type { HoldPart } from "../../../engine.ts";
import type { TableName } from "../../../inspect.ts";
import type { PostgresTarget } from "../../target.ts";
import type { LockHolder } from "../reader.ts";
import { here } from "./pins.ts";

export function tableLock(target: PostgresTarget, table: TableName, holder: LockHolder): HoldPart {
  const lease: LeaseDraft = {
    kind: "table-lock",
    name: table,
    where: here,
    words: `Nobody else can read or write ${table}.`,
    protects: "No read can remove evidence, not even by a session that knows nothing of the pin.",
    costs: "An outage for this table.",
    byHand: `select pg_terminate_backend(pid) from pg_stat_activity where application_name = '${lockName(target)}'`,
    keepable: false,
    facts: {},
  };
  return { lease, take: () => lockTable(target, table, holder) };
}

function lockName(target: PostgresTarget): string {
  return `${target.application.slice(0, 55)} lock`;
}

async function lockTable(target: PostgresTarget, table: TableName, holder: LockHolder) {
  const session = await target.open("reading", { lock_timeout: "200ms", idle_in_transaction_session_timeout: "0" });
  await session.run("naming the session", `SET application_name = ${session.client.escapeLiteral(lockName(target))}`);
  for (let left = 25; ; left -= 1) {
    try {
      await session.run("beginning", "BEGIN");
      await session.run("locking the table", `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
      break;
    } catch (error) {
      await session.run("giving up the try", "ROLLBACK");
      if (left > 1 && error instanceof Fault && error.record.code === "HF-PG-LOCK-TIMEOUT") {
        await wait(50);
        continue;
      }
      await session.close();
      throw error;
    }
  }
  holder.session = session;
  session.client.once("end", () => (holder.session = null));
  return { pid: session.pid };
}

export function tableLockKeeper(target: PostgresTarget): LeaseKeeper {
  const held = async (table: TableName) =>
    (await target.catalogue()).rows(
      "looking for our lock",
      `SELECT DISTINCT l.pid::text FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'relation' AND l.relation = to_regclass($1) AND l.mode = 'AccessExclusiveLock' AND l.granted
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND a.application_name = $2`,
      [table, lockName(target)],
    );
  return {
    find: async ({ name }) => ((await held(name)).length > 0 ? "present" : "absent"),
    release: async ({ name }) => {
      const connection = await target.catalogue();
      for (let tries = 0; tries < 100; tries += 1) {
        const sessions = await held(name);
        if (sessions.length === 0) return;
        for (const { pid } of sessions)
          await connection.rows("ending our lock's session", "SELECT pg_terminate_backend($1::int)", [pid ?? null]);
        await wait(20);
      }
      throw new Fault("HF-PG-LOCK-STAYS", `our lock on ${name} did not go away`, { after: "unknown" });
    },
  };
}
