import type { Asked } from "../statement.ts";
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Watch } from "../../../engine.ts";
import { deleterOf } from "../pages/count.ts";
import { type Fate, type Fates, fates, type Settled } from "../pages/fates.ts";
import { eachVersion, place, type Version, versionBytes } from "../pages/layout.ts";
import type { Multixacts } from "../pages/multixact.ts";
import { type Newest, type Weighed, withoutOlder } from "../pages/newest.ts";
import { type PageSource, rawPages } from "../pages/read.ts";
import type { Relation } from "../pages/relation.ts";
import { keepOnly, resetPage, revive } from "./revive.ts";
import { placeOfPointer, type ReplacedPlaces } from "./replaced-places.ts";
import { type RelationFile, relationFile } from "./relation-file.ts";

/** What was written for one table: files in parts of 1 GB, in order. */
export interface CopiedTable {
  readonly relation: Relation;
  readonly settled: Settled;
  readonly heap: readonly string[];
  /** Where former values come back. */
  readonly replaced?: ReplacedPlaces;
  readonly toast: readonly string[] | null;
  /** As in a RecoveredTable, where not only pages gave the rows. */
  readonly lost?: number;
  readonly from?: Readonly<Record<string, number>>;
}

export interface CopyJob {
  readonly source: PageSource;
  readonly multis: Multixacts;
  readonly members: ReadonlySet<number>;
  readonly asked: Asked;
  /** Where the files wait until the scratch server's own are there. */
  readonly folder: string;
  readonly watch: Watch;
  seen(pages: number): void;
}

/** Streams a table's pages and writes those that hold rows to bring back, with nothing else on them. */
export async function copyTable(job: CopyJob, relation: Relation, newest: Newest | null): Promise<CopiedTable> {
  mkdirSync(job.folder, { recursive: true, mode: 0o700 });
  const { settled, files, replaced } = await copyHeap(job, relation, newest);
  const which = job.asked === "values" ? "all" : settled.back.size > 0 ? "living-too" : "taken";
  const toast = relation.toast === null ? null : await copyToast(job, relation.toast, which);
  return { relation, settled, heap: files, toast, ...(replaced === null ? {} : { replaced }) };
}

async function copyHeap(job: CopyJob, relation: Relation, newest: Newest | null) {
  const judge = fates(job.members, job.asked);
  const file = relationFile(path.join(job.folder, String(relation.oid)));
  /** Revived, but only to stay if their chain of versions ends deleted: their line pointers in the file. */
  const later = new Map<number, number>();
  for await (const { first, pages } of rawPages(job.source, relation.table, relation.blocks, job.watch)) {
    await job.multis.learn({ first, pages });
    for (const [index, page] of pages.entries())
      copyHeapPage(page, first + index, { judge, file, later, newest }, job.multis);
    job.seen(pages.length);
  }
  const settled = judge.settle();
  const replaced = settled.ends === undefined ? null : new Map<number, number>();
  for (const [version, pointer] of later) {
    if (!settled.back.has(version)) file.clearPointer(pointer);
    else newest?.arrive(version);
    const end = settled.ends?.get(version);
    if (end !== undefined) replaced?.set(placeOfPointer(pointer), end);
  }
  const older = newest?.older() ?? [];
  for (const pointer of older) file.clearPointer(pointer);
  return { settled: withoutOlder(settled, older.length), files: file.close(), replaced };
}

export interface HeapCopy {
  readonly judge: Fates;
  readonly file: Pick<RelationFile, "append">;
  /** Versions that may yet stay: their line pointers in the file, by place. */
  readonly later: Map<number, number>;
  /** Weighs versions of one row against each other, by their line pointers in the file. */
  readonly newest: Newest | null;
  /** Hears of every version; false keeps one out of the file that would come back. */
  readonly allow?: (version: Version, deleter: number, fate: Fate, page: Buffer) => boolean;
}

/** Writes what comes back of a page, or may yet, with nothing else on it. */
export function copyHeapPage(page: Buffer, block: number, copy: HeapCopy, multis: Multixacts): void {
  const { judge, file, later, allow, newest } = copy;
  const kept: number[] = [];
  const noted: { readonly version: number; readonly pointer: number; weighed: Weighed | undefined; fate: Fate }[] = [];
  eachVersion(page, block, (version) => {
    const deleter = deleterOf(version, multis);
    const fate = judge.see(version, deleter ?? 0, deleter === null);
    const allowed = allow?.(version, deleter ?? 0, fate, page) ?? true;
    if (fate === "no" || !allowed) return;
    kept.push(version.pointer);
    const weighed = newest?.weigh(versionBytes(page, version), deleter ?? 0, page.readUInt32LE(version.row));
    if (fate === "later" || weighed)
      noted.push({ version: place(block, version.offset), pointer: version.pointer, weighed, fate });
    revive(page, version);
  });
  if (kept.length === 0) return;
  resetPage(page);
  keepOnly(page, kept);
  const at = file.append(page);
  for (const { version, pointer, weighed, fate } of noted) {
    if (fate === "later") later.set(version, at + pointer);
    if (weighed && fate === "later") newest?.wait(version, weighed, at + pointer);
    else if (weighed) newest?.take(weighed, at + pointer);
  }
}

/**
 * Every chunk that F took away; living ones too where an updated row's old version may still point to them; and all where a former value
 * may have been taken by somebody later.
 */
async function copyToast(
  job: CopyJob,
  toast: NonNullable<Relation["toast"]>,
  which: "taken" | "living-too" | "all",
): Promise<readonly string[]> {
  const file = relationFile(path.join(job.folder, String(toast.oid)));
  for await (const { first, pages } of rawPages(job.source, toast.name, toast.blocks, job.watch)) {
    await job.multis.learn({ first, pages });
    for (const [index, page] of pages.entries()) {
      const kept: number[] = [];
      eachVersion(page, first + index, (version) => {
        const deleter = deleterOf(version, job.multis) ?? 0;
        const isWanted = which === "all" || job.members.has(deleter) || (which === "living-too" && deleter === 0);
        if (!isWanted) return;
        kept.push(version.pointer);
        revive(page, version);
      });
      if (kept.length === 0) continue;
      resetPage(page);
      keepOnly(page, kept);
      file.append(page);
    }
    job.seen(pages.length);
  }
  return file.close();
}
