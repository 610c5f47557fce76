import type { Watch } from "../../../engine.ts";
import type { Connection } from "../../connection.ts";
import { eachVersion, type PointerCount, type Version } from "../pages/layout.ts";
import { multixacts } from "../pages/multixact.ts";
import { type PageSource, rawPages } from "../pages/read.ts";
import { pagesOf, type Relation } from "../pages/relation.ts";
import { type FullXid, fullXid } from "../xid.ts";

/** Rows of one table, by the server's log. What it inserted counts those that it moved there from another partition. */
export interface Logged {
  readonly deleted: number;
  readonly inserted: number;
  readonly moved: number;
}

/** What one transaction id (a subtransaction has its own) did to the versions of the tables that were read. */
export interface Deleter {
  readonly xid: FullXid;
  /** Versions that it ended and that have no newer one, by table; their makers are not looked at yet. */
  readonly ended: Map<string, number>;
  /** Versions that it ended and that have a newer one, by table, its own among them. */
  readonly replacedIn: Map<string, number>;
  /** Versions that it moved to another partition, by the table that they were in. */
  readonly movedFrom: Map<string, number>;
  replaced: number;
  /** Makers of the ended ones that are not frozen lie between these. */
  youngestMaker: FullXid;
  /** By the server's log, by table: also of what the pages hold no longer. */
  logged?: ReadonlyMap<string, Logged>;
  /** UPDATEs by the server's log, by table; of rows of its own too. */
  loggedUpdates?: ReadonlyMap<string, number>;
}

export interface Scan {
  readonly deleters: ReadonlyMap<FullXid, Deleter>;
  readonly pruned: number;
  /** By table: versions that were removed before this reading, pruned or vacuumed, as far as their pages still show it. At least so many. */
  readonly cleaned: ReadonlyMap<string, number>;
  readonly pagesRead: number;
  /** Versions under a multixact that the server no longer knows. */
  readonly unresolved: number;
}

/** Groups every version that somebody ended by who did. Says nothing yet of whether they committed. */
export async function scan(
  source: PageSource,
  asking: Connection,
  tables: readonly Relation[],
  next: FullXid,
  watch: Watch,
): Promise<Scan> {
  const [plain, multi] = [new Map<number, Deleter>(), new Map<number, Deleter>()];
  const cleaned = new Map<string, number>();
  let pruned = 0;
  const total = pagesOf(tables);
  let done = 0;
  for (const relation of tables) {
    const gone: PointerCount = { dead: 0, emptied: 0 };
    const see = (version: Version) => {
      if (version.deleter === 0) return;
      note(deleterIn(version.multi ? multi : plain, version, next), relation.table, version, next);
    };
    for await (const { first, pages } of rawPages(source, relation.table, relation.blocks, watch)) {
      for (const [index, page] of pages.entries()) eachVersion(page, first + index, see, gone);
      done += pages.length;
      watch.progress({ done, total, unit: "pages", note: relation.table });
    }
    pruned += gone.dead;
    cleaned.set(relation.table, (cleaned.get(relation.table) ?? 0) + gone.dead + gone.emptied);
  }
  const unresolved = await mergeMultixacts(asking, plain, multi, next);
  const deleters = new Map([...plain.values()].map((one) => [one.xid, one]));
  return { deleters, pruned, cleaned, pagesRead: done, unresolved };
}

function deleterIn(all: Map<number, Deleter>, { deleter, multi }: Version, next: FullXid): Deleter {
  const known = all.get(deleter);
  if (known) return known;
  const fresh = newDeleter(multi ? deleter : fullXid(deleter, next));
  all.set(deleter, fresh);
  return fresh;
}

export function newDeleter(xid: FullXid): Deleter {
  return { xid, ended: new Map(), replacedIn: new Map(), movedFrom: new Map(), replaced: 0, youngestMaker: 0 };
}

function note(deleter: Deleter, table: string, version: Version, next: FullXid): void {
  if (version.next !== "itself") {
    deleter.replaced += 1;
    const into = version.next === "another" ? deleter.replacedIn : deleter.movedFrom;
    return void into.set(table, (into.get(table) ?? 0) + 1);
  }
  deleter.ended.set(table, (deleter.ended.get(table) ?? 0) + 1);
  if (version.maker !== 0) deleter.youngestMaker = Math.max(deleter.youngestMaker, fullXid(version.maker, next));
}

async function mergeMultixacts(
  asking: Connection,
  plain: Map<number, Deleter>,
  multi: ReadonlyMap<number, Deleter>,
  next: FullXid,
): Promise<number> {
  const known = multixacts(asking);
  await known.learnIds(multi.keys());
  let unresolved = 0;
  for (const [id, from] of multi) {
    const low = known.deleter(id);
    if (low === null) unresolved += rowsOf(from);
    if (low === null || low === 0) continue;
    const into = plain.get(low) ?? newDeleter(fullXid(low, next));
    plain.set(low, into);
    addTo(into, from);
  }
  return unresolved;
}

function addTo(into: Deleter, from: Deleter): void {
  for (const [table, rows] of from.ended) into.ended.set(table, (into.ended.get(table) ?? 0) + rows);
  for (const [table, rows] of from.replacedIn) into.replacedIn.set(table, (into.replacedIn.get(table) ?? 0) + rows);
  for (const [table, rows] of from.movedFrom) into.movedFrom.set(table, (into.movedFrom.get(table) ?? 0) + rows);
  into.replaced += from.replaced;
  into.youngestMaker = Math.max(into.youngestMaker, from.youngestMaker);
}

export function rowsOf(deleter: Deleter): number {
  return [...deleter.ended.values()].reduce((sum, rows) => sum + rows, 0);
}

/** Rows that it may have changed: the larger of what the pages and the log say, versions of its own among them. */
export function changesOf({
  replacedIn,
  loggedUpdates = new Map<string, number>(),
}: Deleter): ReadonlyMap<string, number> {
  const names = new Set([...replacedIn.keys(), ...loggedUpdates.keys()]);
  return new Map([...names].map((name) => [name, Math.max(replacedIn.get(name) ?? 0, loggedUpdates.get(name) ?? 0)]));
}

/** Rows that it moved to another partition: the larger of what the pages and the log say. */
export function movedBy({ movedFrom, logged = new Map<string, Logged>() }: Deleter): number {
  const names = new Set([...movedFrom.keys(), ...logged.keys()]);
  return [...names].reduce((sum, name) => sum + Math.max(movedFrom.get(name) ?? 0, logged.get(name)?.moved ?? 0), 0);
}

export function changeWeightOf(deleter: Deleter): number {
  return [...changesOf(deleter).values()].reduce((sum, rows) => sum + rows, 0);
}

/** The larger of what the pages and the log say. */
export function weightOf(deleter: Deleter): number {
  const logged = [...(deleter.logged?.values() ?? [])].reduce((sum, { deleted }) => sum + deleted, 0);
  return Math.max(rowsOf(deleter), logged);
}
