import type { Finding } from "../../../../core/step.ts";
import type { Watch } from "../../../engine.ts";
import type { Statement, StatementQuery } from "../../../evidence.ts";
import type { Connection } from "../../connection.ts";
import type { LogFiles } from "../log/server-log.ts";
import { finding, number, size } from "../say.ts";
import type { FullXid } from "../xid.ts";
import { beyondWords, namesBeyond, writesOf } from "./beyond.ts";
import { type Deleter, type Logged, newDeleter, rowsOf, type Scan } from "./scan.ts";
import { type Candidate, countsOf, together } from "./statements.ts";
import { type LoggedWrites, writesInLog } from "./writes.ts";

/** With candidates on the pages a look at the newest will do; without, the log is all that is left to ask. */
const [shortMs, longMs] = [2_000, 60_000];

/** Null where the role may not read the log. */
export async function askLog(
  asking: Connection,
  { tables }: StatementQuery,
  next: FullXid,
  seen: Scan,
  watch: Watch,
  copies?: LogFiles,
): Promise<LoggedWrites | null> {
  const onPages = [...seen.deleters.values()].some((one) => rowsOf(one) > 0);
  const budget = onPages && seen.pruned === 0 ? shortMs : longMs;
  return writesInLog(asking, tables, next, budget, watch, copies);
}

/** The same deleters with what the log says of each, and those that only the log knows. */
export function withLog(
  deleters: ReadonlyMap<FullXid, Deleter>,
  { writes, files }: LoggedWrites,
): ReadonlyMap<FullXid, Deleter> {
  const all = new Map(deleters);
  for (const [xid, written] of writes) {
    const logged = new Map<string, Logged>();
    const loggedUpdates = new Map<string, number>();
    for (const [file, table] of files) {
      const counts = written.get(file);
      if (counts) logged.set(table, counts);
      if (counts && counts.updated > 0) loggedUpdates.set(table, counts.updated);
    }
    all.set(xid, { ...(all.get(xid) ?? newDeleter(xid)), logged, loggedUpdates });
  }
  return all;
}

/** A group with what is known of its members. */
export function groupedBy(statement: Statement, singles: readonly Candidate[]): Candidate {
  const members = new Set(statement.transactions);
  const ours = singles.filter((one) => members.has(one.statement.value));
  const logged = together(ours.map((one) => one.logged));
  return { statement, exact: ours.every(({ exact }) => exact), logged, onPages: statement.tables };
}

/** What the log adds in words: rows that are off their pages, and tables beyond those that were looked at. */
export async function told(
  asking: Connection,
  log: LoggedWrites,
  statements: readonly Statement[],
  deleters: ReadonlyMap<FullXid, Deleter>,
): Promise<readonly Statement[]> {
  const names = await namesBeyond(asking, log);
  return statements.map((statement) => {
    const members = [...statement.transactions, ...statement.subtransactions].map(Number);
    const onPages = countsOf(members, deleters).rows;
    const gone =
      !statement.values && onPages < statement.rows
        ? [
            onPages === 0
              ? "By the log; no row of it is on its page any more."
              : `By the log; still on their pages: ${number(onPages)}.`,
          ]
        : [];
    return {
      ...statement,
      doubts: [...statement.doubts, ...gone, ...beyondWords(writesOf(members, log), log.files, names)],
    };
  });
}

export function logFindings(log: LoggedWrites | null): readonly Finding[] {
  if (log === null) return [];
  const all = log.read >= log.of;
  const text = `${size(log.read)} of the log ${all ? "were" : `out of ${size(log.of)}, the newest, were`} read for what is off the pages.`;
  return [finding("ok", text)];
}

/** Where the log does not hold all that a statement did, what was cleaned up before the hold may have been its own, and nobody can count it. */
export function uncounted(
  { cleaned }: Scan,
  log: LoggedWrites | null,
  statement: Statement,
): Pick<Statement, "uncounted"> {
  const isWhole = log?.wholeFrom != null && statement.transactions.every((xid) => Number(xid) >= (log.wholeFrom ?? 0));
  const parts = [...cleaned].filter(([, versions]) => versions > 0);
  if (isWhole || parts.length === 0 || statement.kind === "open" || statement.kind === "prepared") return {};
  const where = parts.map(([table, versions]) => `${number(versions)} of ${table}`).join(", ");
  const text = `row versions that were cleaned up before the hold (at least ${where}): some may be rows that it took, and the log that is left can't tell.`;
  return { uncounted: text };
}
