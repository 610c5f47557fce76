import { setTimeout as wait } from "node:timers/promises";
import { Fault } from "../../../../core/errors.ts";
import type { Fate, Statement } from "../../../evidence.ts";
import type { Connection } from "../../connection.ts";
import { countRows } from "../pages/count.ts";
import type { PostgresTarget } from "../../target.ts";
import type { RecoveryPath } from "./path.ts";

/** The transaction has not ended: ending it gives the rows back by itself. */
export const cancelOpen: RecoveryPath = {
  name: "cancel-open",
  fits: ({ kind }) => kind === "open" || kind === "prepared",
  option: (_context, { kind, who, rows }) =>
    Promise.resolve({
      path: "cancel-open",
      label: "End the open transaction",
      feasible: kind === "open",
      why:
        kind === "open"
          ? `It has not committed (${who ?? "session unknown"}): the server takes back all that it did.`
          : `It is prepared (${who ?? "name unknown"}): its owner decides between commit and rollback.`,
      ...(kind === "open" ? {} : { opensWith: "ROLLBACK PREPARED by the one who prepared it." }),
      takesMs: 100,
      rows,
      loses: "no row. What else that transaction has done is undone with it.",
      needs: ["the right to end another's session"],
      rescues: false,
      recommended: kind === "open",
    }),
  count: ({ target, reading }, statement, watch) =>
    reading(async (connection) => countRows(connection, await target.catalogue(), statement, watch)),
  parts: () => [],
  recover: () => {
    throw new Fault("HF-PATH-NO-RESCUE", "ending an open transaction brings the rows back by itself", {
      exit: "refused",
      hint: "End the transaction, then look whether the rows are back.",
    });
  },
};

/** Ends the session (a cancelled statement would leave its transaction open) and waits until the transaction is gone. */
export async function cancelStatement(
  target: PostgresTarget,
  statement: Statement,
): Promise<{ readonly ended: string }> {
  const pid = /^open:(\d+)$/.exec(statement.value)?.[1];
  const xid = statement.transactions[0];
  if (pid === undefined || xid === undefined)
    throw new Fault("HF-PG-NOT-OPEN", `${statement.value} is no open transaction of a session`, {
      exit: "refused",
      still: "Nothing was ended.",
    });
  const connection = await target.open("writing");
  try {
    const ended = await connection.rows(
      "ending the session",
      // Only while that very transaction is open: the session may have begun another since.
      `SELECT concat_ws(', ', nullif(application_name, ''), usename, 'pid ' || pid) AS who, pg_terminate_backend(pid)::text AS told
         FROM pg_stat_activity WHERE pid = $1::int AND backend_xid::text = ($2::bigint % 4294967296)::text`,
      [pid, Number(xid)],
    );
    for (let tries = 0; tries < 250; tries += 1) {
      const now = await statementFate(connection, statement);
      if (now === "aborted") return { ended: ended[0]?.who ?? "nobody: it had given up by itself" };
      if (now === "committed") throw committedFault(xid);
      await wait(20);
    }
    throw new Fault("HF-PG-STILL-OPEN", `the transaction ${xid} did not end within 5 s`, {
      after: "unknown",
      exit: "unknown",
    });
  } finally {
    await connection.close();
  }
}

/** By the server's own commit log: it also tells of a session that is long gone. Prepared ones count as open. */
export async function statementFate(connection: Connection, { transactions }: Statement): Promise<Fate> {
  const rows = await connection.rows(
    "asking for the transaction",
    "SELECT pg_xact_status(id::xid8) AS status FROM unnest($1::text[]) AS u(id)",
    [transactions],
  );
  const said = new Set(rows.map(({ status }) => status ?? null));
  if (said.has("in progress")) return "open";
  if (said.has("committed")) return "committed";
  return said.size === 0 || said.has(null) ? "unknown" : "aborted";
}

function committedFault(xid: string): Fault {
  return new Fault("HF-PG-COMMITTED", `the transaction ${xid} committed before it could be ended`, {
    still: "Its rows are still held.",
    hint: "Search again, and choose it among the committed ones.",
  });
}
