import type { LeaseKeeper } from "../../core/lease.ts";
import type { Watch } from "../engine.ts";
import type { Evidence, PathOption, Recovered, Statement } from "../evidence.ts";
import type { HeadStarts } from "../head-starts.ts";
import type { Readiness } from "../readiness.ts";
import { cloneKeeper } from "./evidence/clone/folder.ts";
import { logSurvey } from "./evidence/clone/log-survey.ts";
import { closedOption } from "./evidence/closed.ts";
import { examineTable } from "./evidence/examine.ts";
import { autovacuumKeeper } from "./evidence/freeze/autovacuum.ts";
import { extensionKeeper } from "./evidence/freeze/extension.ts";
import { freezeParts } from "./evidence/freeze/freeze.ts";
import { heldFindings } from "./evidence/freeze/held.ts";
import { logPinOver, narrowPins, spentPins } from "./evidence/freeze/narrow.ts";
import { slotKeeper } from "./evidence/freeze/slots.ts";
import { tableLockKeeper } from "./evidence/freeze/table-lock.ts";
import { archivedFiles } from "./evidence/log/source.ts";
import { removedSince } from "./evidence/pages/removed-since.ts";
import { recentCounts } from "./evidence/pages/recent.ts";
import { cancelStatement, statementFate } from "./evidence/paths/cancel-open.ts";
import type { PathContext } from "./evidence/paths/path.ts";
import { pathNamed, recoveryPaths } from "./evidence/paths/paths.ts";
import { type LockHolder, readerOf } from "./evidence/reader.ts";
import { readinessOf } from "./evidence/ready/look.ts";
import { blindRole, unwritable } from "./evidence/rights.ts";
import { keyless } from "./evidence/replaced.ts";
import { doubted } from "./evidence/search/doubt.ts";
import { withMissing } from "./evidence/search/missing-since.ts";
import { withLoggedStatements } from "./evidence/search/since-backup.ts";
import { searchStatements } from "./evidence/search/search.ts";
import { withoutPages } from "./evidence/search/without-pages.ts";
import { tablesOf } from "./evidence/statement.ts";
import { scratchKeeper } from "./evidence/transplant/scratch.ts";
import type { PostgresTarget } from "./target.ts";

/** The evidence of lost rows on PostgreSQL: dead row versions on raw pages, held by a pin. No SQL here reads a user's table, but for pg_dirtyread's. */
export function evidence(target: PostgresTarget, ahead: HeadStarts<Recovered>): Evidence {
  const holder: LockHolder = { session: null };
  const reading = readerOf(target, holder);
  const context = contextOf(target, reading);
  return {
    traits: { readsDestroy: true, heldBy: "pin" },
    examine: (table) => examineTable(target, table),
    freeze: (table, options) => freezeParts(target, table, options, holder),
    held: (leases) => heldFindings(target, leases),
    search: async (query, watch) => {
      const asking = await target.catalogue();
      const copies = await archivedFiles(asking, target.request.backup);
      const blind = await blindRole(asking);
      const search = blind
        ? await withoutPages(asking, query, blind)
        : await reading((pages) => searchStatements({ reading: pages, asking, copies }, query, watch));
      const logged = await withLoggedStatements(target, context.log, query, search, watch);
      const all = withMissing(query, doubted(logged), target.request.dump);
      return { ...all, hasBackup: target.request.backup !== undefined };
    },
    narrow: (leases, search) => narrowPins(target, leases, search),
    spent: (leases, rescued) => spentPins(target, leases, rescued),
    paths: (statement, watch, named) => optionsFor(context, statement, watch, named),
    count: (statement, path, watch) => pathNamed(path).count(context, statement, watch),
    recoveryParts: async (_statement, path, run) => pathNamed(path).parts(context, run),
    begin: (statement, path, run, watch) => {
      const { isSlow, recover } = pathNamed(path);
      if (isSlow) ahead.begin(`${path} ${statement.value}`, (told) => recover(context, statement, run, told), watch);
    },
    recover: async (statement, path, run, watch) => {
      const { isSlow, recover } = pathNamed(path);
      return (
        (isSlow ? ahead.wait(`${path} ${statement.value}`, watch) : null) ?? recover(context, statement, run, watch)
      );
    },
    removedSince: async (statement, table, watch) => {
      const asking = await target.catalogue();
      if (await blindRole(asking)) return [];
      return reading((pages) => removedSince({ reading: pages, asking }, statement, table, watch));
    },
    cancel: (statement) => cancelStatement(target, statement),
    fate: async (statement) => statementFate(await target.catalogue(), statement),
  };
}

/** Its paths are asked as those of the evidence are; what they remember is another's, and gone after each look. */
export function readiness(target: PostgresTarget): Readiness {
  return readinessOf(target, () => contextOf(target, readerOf(target, { session: null })));
}

function contextOf(target: PostgresTarget, reading: PathContext["reading"]): PathContext {
  const { clock } = target.request;
  const recent = recentCounts(clock);
  return {
    target,
    reading,
    recent,
    recentLog: recentCounts(clock, 60_000),
    recentDump: recentCounts(clock, 60_000),
    log: logSurvey(target),
  };
}

/**
 * Where no row can be put back, no path is open that would rescue any. What takes long to count is left for later only where the path that
 * was named is open: else the list is all that the operator has.
 */
async function optionsFor(context: PathContext, statement: Statement, watch: Watch, named: string | undefined) {
  const fitting = recoveryPaths.filter((path) => path.fits(statement));
  const wanted = fitting.find(({ name }) => name === named);
  const first = await wanted?.option(context, statement, watch);
  const options: PathOption[] = [];
  for (const path of fitting) {
    const isFirst = path === wanted && first !== undefined;
    options.push(isFirst ? first : await path.option(context, statement, watch, first?.feasible ? named : undefined));
  }
  const asking = await context.target.catalogue();
  const barred =
    (await unwritable(asking, tablesOf(statement), statement.values ? "update" : "insert")) ??
    (await keyless(asking, statement));
  if (barred === null) return options;
  return options.map((option) => (option.rescues && option.feasible ? closedOption(option, barred) : option));
}

/** By lease kind. Finding and releasing are idempotent. */
export function evidenceKeepers(target: PostgresTarget, ahead: HeadStarts<Recovered>): Record<string, LeaseKeeper> {
  const clone = cloneKeeper(target);
  return {
    "row-pin": slotKeeper(target),
    "wal-pin": { ...slotKeeper(target), over: ({ name }) => logPinOver(target, name) },
    "autovacuum-off": autovacuumKeeper(target),
    extension: extensionKeeper(target),
    "table-lock": tableLockKeeper(target),
    "scratch-server": scratchKeeper(target),
    // Nothing may build in the folder while it is removed.
    clone: { ...clone, release: (lease) => ahead.stop().then(() => clone.release(lease)) },
  };
}
