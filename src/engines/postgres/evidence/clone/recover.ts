import { createReadStream, existsSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { Fault } from "../../../../core/errors.ts";
import type { RunId } from "../../../../core/ids.ts";
import type { Watch } from "../../../engine.ts";
import type { Recovered, RecoveredTable, Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { PostgresTarget } from "../../target.ts";
import type { Closed } from "../closed.ts";
import { lsnText } from "../log/position.ts";
import { withUntold } from "../pages/untold.ts";
import { replacedBy, withValues } from "../replaced.ts";
import { tablesOf } from "../statement.ts";
import { buildClone } from "./build.ts";
import { whyClosed } from "./can.ts";
import { cloneFolder } from "./folder.ts";
import type { LogSurvey } from "./log-survey.ts";
import { placesOf, readableAt } from "./pauses.ts";
import { joinParts, type Sums } from "./sums.ts";
import { commitsOf, type Surveyed } from "./survey.ts";
import { filesOf, type Reading, takeOne } from "./take.ts";

/**
 * The rows that the statement took, out of a clone that stands once just before and once just after each of its commits. Nothing
 * but that COMMIT lies between the two, so what is gone from one to the other was taken by it and by nobody else. Where the log proves that
 * a commit did nothing but delete, and how often, the count of what was about to go proves as much, and nobody looks at what came after.
 */
export async function recoverByClone(
  target: PostgresTarget,
  log: LogSurvey,
  statement: Statement,
  run: RunId,
  watch: Watch,
): Promise<Recovered> {
  const wanted = { tables: tablesOf(statement), xids: statement.transactions };
  const known = await log.upTo(wanted, watch);
  try {
    return await recoverFrom(target, known, statement, run, watch);
  } catch (error) {
    watch.signal.throwIfAborted();
    if (!known.remembered || (error instanceof Fault && error.record.exit === "refused")) throw error;
    // The log may not be any more what it was when it was read.
    const anew = await log.read(wanted, watch);
    if (anew.firstCopies && (await whyClosed(target, anew, statement)) === null) throw error;
    return recoverFrom(target, anew, statement, run, watch);
  }
}

async function recoverFrom(
  target: PostgresTarget,
  surveyed: Surveyed,
  statement: Statement,
  run: RunId,
  watch: Watch,
): Promise<Recovered> {
  const names = tablesOf(statement);
  const closed = await whyClosed(target, surveyed, statement);
  if (closed) throw closedFault(closed);
  refuseMissing(names, surveyed);
  const commits = commitsOf(surveyed, statement);
  const last = commits.at(-1)?.position ?? 0n;
  const restartpoints = commits.every(
    (commit) => readableAt(surveyed.log, placesOf(commit, surveyed.oids, statement.kind)) === "always",
  );
  const clone = await buildClone(target, cloneFolder(target, run), surveyed, { upTo: last, restartpoints }, watch);
  const reading: Reading = { target, statement, surveyed, clone, names, watch };
  const sums: Sums = new Map();
  for (const [nth, commit] of commits.entries()) {
    watch.output(`pausing the clone at ${lsnText(commit.position)}, commit ${nth + 1} of ${commits.length}`);
    await takeOne(reading, { commit, nth }, sums);
  }
  if (statement.kind === "group")
    await joinParts(sums, (table) => ({
      parts: commits.map((_, nth) => filesOf(reading, table, nth).to),
      to: filesOf(reading, table).all,
    }));
  return recovered(names, sums, reading);
}

/** Rows of a table that is not there have nowhere to go back to. */
function refuseMissing(names: readonly TableName[], { oids }: Surveyed): void {
  const missing = names.filter((name) => !oids.has(name));
  if (missing.length === 0) return;
  throw new Fault("HF-CLONE-NO-TABLE", `${missing.join(", ")} is not there any more`, {
    exit: "refused",
    still: "Nothing was changed on the target.",
    hint: "Make it again under its old name, empty, with its old columns; then begin anew.",
  });
}

/** The server has stopped: what it gave lies in files of ours. */
async function recovered(names: readonly TableName[], sums: Sums, reading: Reading): Promise<Recovered> {
  const file = (table: TableName) => filesOf(reading, table).all;
  const asking = await reading.target.catalogue();
  const replacedOf = await replacedBy(asking, reading.statement);
  const tables = names
    .flatMap((name) => sums.get(name)?.sum ?? [])
    .map((table) => ({
      ...table,
      ...withValues(replacedOf(table.table)),
      unknown: untold(reading.statement, table),
      bytes: statSync(file(table.table), { throwIfNoEntry: false })?.size ?? 0,
    }));
  return {
    tables: await withUntold(asking, reading.statement, tables, true),
    rows: (table) => Promise.resolve(existsSync(file(table)) ? createReadStream(file(table)) : Readable.from([])),
    close: () => Promise.resolve(),
  };
}

/** A row that one transaction of a group updated and a later one deleted is counted with both and given back by neither: at most so many. */
function untold({ kind }: Statement, { updated, own }: RecoveredTable): number {
  return kind === "group" ? Math.min(updated, own) : 0;
}

function closedFault({ why, opensWith }: Closed): Fault {
  return new Fault("HF-CLONE-CLOSED", why, {
    exit: "refused",
    still: "Nothing was changed on the target.",
    hint: `What opens this way: ${opensWith}`,
  });
}
