import { Fault } from "../../../../core/errors.ts";
import type { ReadyPath } from "../../../../core/readiness.ts";
import type { Watch } from "../../../engine.ts";
import type { PathOption, Statement } from "../../../evidence.ts";
import type { Connection } from "../../connection.ts";
import { findServerBinaries } from "../../server/binaries.ts";
import { alteredSince, alteredWords } from "../clone/altered.ts";
import { broken, ofAnother, statementAhead, switchesLog, whyClosed, whyClosedAhead, whyUnfit } from "../clone/can.ts";
import { clonePart } from "../clone/folder.ts";
import { recoverByClone } from "../clone/recover.ts";
import { beginSurvey, type Begun, bytesOf, commitsOf, firstAbsent, logBytes, type Surveyed } from "../clone/survey.ts";
import { change, type Closed, closedBy, closedOption, closedReady, openReady } from "../closed.ts";
import { segmentsBetween } from "../log/segments.ts";
import { columnsOf } from "../pages/count.ts";
import { readingGrants, rightsOf } from "../rights.ts";
import { plural, size } from "../say.ts";
import { onScratch } from "../scratch-files.ts";
import { tablesOf } from "../statement.ts";
import type { Ahead, PathContext, RecoveryPath } from "./path.ts";

/** The rows as a base backup and the log since have them, read from a server of ours that stands just before the commit. */
export const clone: RecoveryPath = {
  name: "clone",
  isSlow: true,
  // Of several commits each would tell the place that a row had after it, and only the last of these is still there.
  fits: ({ kind, values }) =>
    kind !== "open" && kind !== "prepared" && kind !== "missing" && !(values && kind === "group"),
  option: async (context, statement, watch) => {
    if (!context.target.request.backup) return closedOption(base, unnamed);
    try {
      const option = await optionFor(context, statement, watch);
      const altered = option.feasible ? await alteredSince(await context.target.catalogue(), statement) : [];
      return altered.length === 0 ? option : { ...option, why: `${option.why} ${alteredWords(altered)}` };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return closedOption(base, closedBy(error));
    }
  },
  ready: async (context, ahead, watch) => {
    if (!context.target.request.backup) return closedReady(base, unnamed);
    try {
      return await readyFor(context, ahead, watch);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return closedReady(base, closedBy(error));
    }
  },
  count: async ({ target }, statement) => counted(await target.catalogue(), statement),
  parts: ({ target }, run) => [clonePart(target, run)],
  recover: ({ target, log }: PathContext, statement, run, watch) =>
    onScratch(() => recoverByClone(target, log, statement, run, watch)),
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

const unnamed: Closed = {
  why: "The config names no base backup for this target.",
  opensWith: "backup: { base, archive } of the target in holdfast.yaml.",
  change: change("config", "backup: { base: FOLDER, archive: FOLDER }", { fromNowOn: true }),
};

/** More log than this is not read while an operator waits to choose a faster way: 2 GB take 10 s. */
const readAtOnce = 2e9;

async function optionFor({ target, log }: PathContext, statement: Statement, watch: Watch): Promise<PathOption> {
  const asking = await target.catalogue();
  const begun = await beginSurvey(target, asking);
  const unfit = ofAnother(begun) ?? whyUnfit(begun, statement);
  if (unfit) return closedOption(base, unfit);
  await findServerBinaries(begun.major, target.request.machine.serverBinaries);
  if (logBytes(begun) > readAtOnce && statement.rows > 0) return unread(begun, statement);
  const wanted = { tables: tablesOf(statement), xids: statement.transactions };
  const surveyed = await log.upTo(wanted, watch);
  const closed = await whyClosed(target, surveyed, statement);
  return closed ? closedOption(base, closed) : open(surveyed, statement);
}

/** The log is read once for all tables: nothing of it is about one of them yet. */
async function readyFor({ target, log }: PathContext, { tables, rows }: Ahead, watch: Watch): Promise<ReadyPath> {
  const begun = await beginSurvey(target, await target.catalogue());
  const unfit = ofAnother(begun) ?? whyUnfit(begun, statementAhead(begun, tables));
  if (unfit) return closedReady(base, unfit);
  await findServerBinaries(begun.major, target.request.machine.serverBinaries);
  const [bytes, since] = [begun.backup.bytes, logBytes(begun)];
  const closed =
    since > readAtOnce
      ? await breakIn(begun, watch)
      : await whyClosedAhead(target, await log.upTo({ tables: [], xids: [] }, watch), tables);
  const unread = await notArchived(begun, await target.catalogue());
  if (closed && unread) return closedTwice(closed, unread);
  const one = closed ?? unread;
  if (one) return closedReady(base, one);
  return openReady(base, {
    why: `The backup of ${begun.backup.startedAt} (${size(bytes)}) and ${size(since)} of log lead up to now.`,
    holds: "the backup and every file of the log since then stay where they are, and the log goes on to be archived",
    takesMs: expectedMs(bytes, since, 1, rows),
    loses: "nothing: the backup and the log hold every row, to the digit.",
  });
}

/** A role that may not read the newest log would be told of a file that is not archived yet, again and again: another one always is not. */
function closedTwice(closed: Closed, unread: Closed): ReadyPath {
  if (closed.change?.text === switchesLog) return closedReady(base, unread);
  const ready = closedReady(base, closed);
  return { ...ready, changes: [...ready.changes, ...closedReady(base, unread).changes] };
}

/** What a role may not read on the server it has only once it is archived: that is never so at once. */
async function notArchived({ source, backup }: Begun, connection: Connection): Promise<Closed | null> {
  const { role, readsLog } = await rightsOf(connection);
  if (readsLog) return null;
  const newest = segmentsBetween(backup.label.timeline, source.end, source.end, source.segmentBytes).at(-1);
  if (newest === undefined) return null;
  return { ...broken(newest, source), change: change("sql", readingGrants(role)) };
}

/** Files are looked for, not read through: that takes 10 s for each 2 GB, and is done when this way is chosen. */
async function breakIn(begun: Begun, watch: Watch): Promise<Closed | null> {
  const absent = await firstAbsent(begun, watch);
  return absent === null ? null : broken(absent, begun.source);
}

function open(surveyed: Surveyed, statement: Statement): PathOption {
  const { backup } = surveyed;
  const last = commitsOf(surveyed, statement).at(-1);
  const log = last ? bytesOf(surveyed, last) - backup.bytes : 0;
  const why = `The backup of ${backup.startedAt} (${size(backup.bytes)}) and ${size(log)} of log lead to just before it, pruned or not.`;
  const moved = commitsOf(surveyed, statement).reduce((sum, commit) => sum + commit.moved, 0);
  const option = feasible(backup.bytes, log, why, statement);
  return moved === 0 ? option : { ...option, loses: movedWords(moved) };
}

function movedWords(rows: number): string {
  return `up to ${plural(rows, "row")} that it moved to another partition and may have deleted there; of the rest nothing.`;
}

/** Whether the log has a gap is found out when this way is chosen, before anything is made. */
function unread(begun: Begun, statement: Statement): PathOption {
  const [bytes, log] = [begun.backup.bytes, logBytes(begun)];
  const why = `The backup of ${begun.backup.startedAt} (${size(bytes)}) is there, and up to ${size(log)} of log since; that this has no gap is proved when you choose it.`;
  return feasible(bytes, log, why, statement);
}

function feasible(
  bytes: number,
  log: number,
  why: string,
  { rows, most = rows, transactions, kind }: Statement,
): PathOption {
  return {
    ...base,
    feasible: true,
    why,
    takesMs: expectedMs(bytes, log, transactions.length, most),
    rows: rows > 0 && most === rows ? rows : null,
    loses: `nothing: the backup and the log hold every row that it took, to the digit.${kind === "group" ? twice : ""}`,
    needs: [...base.needs, `about ${size((bytes + log) * 1.3)} below the scratch folder, given back afterwards`],
    recommended: false,
  };
}

/** Measured on two cores: 200 MB of a backup copied, 200 MB of log read and 75 MB replayed a second, 3 s for each pause. */
function expectedMs(bytes: number, log: number, transactions: number, rows: number): number {
  return Math.round(bytes / 200_000 + log / 200_000 + log / 75_000 + 6000 * transactions + rows / 100);
}

const twice = " A row that several of them took comes back once; until it is read it is counted each time.";

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
