import { Fault } from "../../../../core/errors.ts";
import type { PathOption, Statement } from "../../../evidence.ts";
import type { Connection } from "../../connection.ts";
import { findServerBinaries } from "../../server/binaries.ts";
import { columnsOf } from "../pages/count.ts";
import { clonePart } from "../clone/folder.ts";
import { recoverByClone } from "../clone/recover.ts";
import { bytesOf, commitsOf, type Surveyed, surveyLog, whyClosed } from "../clone/survey.ts";
import { size } from "../say.ts";
import type { PathContext, RecoveryPath } from "./path.ts";

/** The rows as a base backup and the log since have them, read from a server of ours that stands just before the commit. */
export const clone: RecoveryPath = {
  name: "clone",
  fits: ({ kind }) => kind !== "open" && kind !== "prepared",
  option: async (context, statement, watch) => {
    if (!context.target.request.backup)
      return closed(
        "The config names no base backup for this target.",
        "backup: { base, archive } of the target in holdfast.yaml.",
      );
    const asking = await context.target.catalogue();
    try {
      const wanted = { tables: statement.tables.map(({ table }) => table), xids: statement.transactions };
      const surveyed = await surveyLog(context.target, asking, wanted, watch);
      const why = await whyClosed(context.target, surveyed, statement);
      if (why) return closed(why.why, why.opensWith);
      await findServerBinaries(surveyed.major, context.target.request.machine.serverBinaries);
      return open(surveyed, statement);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return closed(`${error.record.message}.`, error.record.hint ?? "");
    }
  },
  count: async ({ target }, statement) => counted(await target.catalogue(), statement),
  parts: ({ target }, run) => [clonePart(target, run)],
  recover: ({ target }: PathContext, statement, run, watch) => recoverByClone(target, statement, run, watch),
};

const base = {
  path: "clone",
  label: "Point-in-time clone from the base backup",
  needs: [
    "a base backup from before the statement, and all WAL since",
    "PostgreSQL programs of the same major version on this machine, and room for the whole backup",
  ],
  rescues: true,
} as const;

function closed(why: string, opensWith: string): PathOption {
  return { ...base, feasible: false, why, opensWith, takesMs: null, rows: null, loses: "", recommended: false };
}

/** Measured on two cores: 200 MB of a backup copied and 75 MB of log replayed a second, 3 s for each pause. */
function open(surveyed: Surveyed, statement: Statement): PathOption {
  const { backup } = surveyed;
  const commits = commitsOf(surveyed, statement);
  const last = commits.at(-1);
  const all = last ? bytesOf(surveyed, last) : backup.bytes;
  const log = all - backup.bytes;
  return {
    ...base,
    feasible: true,
    why: `The backup of ${backup.startedAt} (${size(backup.bytes)}) and ${size(log)} of log lead to just before it, pruned or not.`,
    takesMs: Math.round(backup.bytes / 200_000 + log / 75_000 + 6000 * commits.length + statement.rows / 100),
    rows: statement.rows > 0 ? statement.rows : null,
    loses: "nothing",
    needs: [...base.needs, `about ${size(all * 1.3)} below the scratch folder, given back afterwards`],
    recommended: false,
  };
}

/** What the log or the pages count: the clone itself counts only once it stands. */
async function counted(asking: Connection, statement: Statement) {
  const tables = [];
  for (const { table, rows } of statement.tables) {
    const { oid } = await asking.row("looking up a table", "SELECT to_regclass($1)::oid::text AS oid", [table]);
    const columns = oid == null ? [] : await columnsOf(asking, Number(oid));
    tables.push({ table, columns, rows, updated: 0, moved: 0, own: 0, unknown: 0 });
  }
  return tables;
}
