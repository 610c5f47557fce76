import type { Asked } from "../statement.ts";
import { deleterOf } from "../pages/count.ts";
import { fates, type Settled } from "../pages/fates.ts";
import { eachVersion, place, type Version, versionBytes } from "../pages/layout.ts";
import type { Multixacts } from "../pages/multixact.ts";
import type { Newest } from "../pages/newest.ts";
import { type PageSource, rawPages } from "../pages/read.ts";
import type { Relation } from "../pages/relation.ts";
import type { Watch } from "../../../engine.ts";
import { copyHeapPage } from "../transplant/copy-pages.ts";
import type { RelationFile } from "../transplant/relation-file.ts";
import { placeOfPointer } from "../transplant/replaced-places.ts";
import { keepOnly, resetPage, revive } from "../transplant/revive.ts";
import type { PhysicalColumn } from "../pages/values.ts";
import { type Chunks, longValues } from "./long-values.ts";
import { type SeenVersions, seenVersions } from "./seen.ts";

export interface PageReading {
  readonly source: PageSource;
  readonly multis: Multixacts;
  readonly members: ReadonlySet<number>;
  readonly asked: Asked;
  readonly watch: Watch;
  seen(pages: number): void;
}

/** What of the statement's rows still stands on a table's pages. */
export interface OnPages {
  readonly settled: Settled;
  readonly seen: SeenVersions;
  /** Line pointers in the file of versions whose chain has a gap on the pages, by place: they stay until the log has told. */
  readonly broken: ReadonlyMap<number, number>;
  /** Where former values come back: of each in the file, the place of what replaced it. */
  readonly replaced: Map<number, number>;
  /** Rows that can't come back because a part of a long value is gone. */
  readonly cut: number;
}

/** Writes what stands on the heap's pages, and remembers which versions those were. The chunks of long values must be known. */
export async function heapOnPages(
  reading: PageReading,
  relation: Relation,
  file: RelationFile,
  chunks: Chunks,
  columns: readonly PhysicalColumn[],
  newest: Newest | null,
): Promise<OnPages> {
  const { source, multis, members, asked, watch } = reading;
  const [judge, later, seen] = [fates(members, asked), new Map<number, number>(), seenVersions()];
  const cutLater = new Set<number>();
  let cut = 0;
  const allow = (version: Version, deleter: number, fate: "deleted" | "later" | "no", page: Buffer) => {
    if (members.has(deleter)) seen.add(version.block, version.offset, deleter);
    if (fate === "no" || longValues(versionBytes(page, version), columns).every((value) => chunks.whole(value)))
      return true;
    if (fate === "deleted") cut += 1;
    else cutLater.add(place(version.block, version.offset));
    return false;
  };
  for await (const { first, pages } of rawPages(source, relation.table, relation.blocks, watch)) {
    await multis.learn({ first, pages });
    for (const [index, page] of pages.entries())
      copyHeapPage(page, first + index, { judge, file, later, allow, newest }, multis);
    reading.seen(pages.length);
  }
  const settled = judge.settle();
  const [broken, replaced] = [new Map<number, number>(), new Map<number, number>()];
  for (const [version, pointer] of later) {
    if (settled.broken.has(version)) broken.set(version, pointer);
    else if (settled.back.has(version)) newest?.arrive(version);
    else file.clearPointer(pointer);
    const end = settled.ends?.get(version);
    if (end !== undefined) replaced.set(placeOfPointer(pointer), end);
  }
  for (const version of cutLater) if (settled.back.has(version)) cut += 1;
  return { settled, seen, broken, replaced, cut };
}

/** Every chunk of a long value that the statement took away and had not made itself; where former values come back, whoever took it, or nobody. */
export async function chunksOnPages(
  reading: PageReading,
  toast: NonNullable<Relation["toast"]>,
  file: RelationFile,
  chunks: Chunks,
): Promise<SeenVersions> {
  const { source, multis, members, asked, watch } = reading;
  const seen = seenVersions();
  for await (const { first, pages } of rawPages(source, toast.name, toast.blocks, watch)) {
    await multis.learn({ first, pages });
    for (const [index, page] of pages.entries()) {
      const kept: number[] = [];
      eachVersion(page, first + index, (version) => {
        const deleter = deleterOf(version, multis) ?? 0;
        if (!members.has(deleter) && asked === "rows") return;
        if (members.has(deleter)) seen.add(version.block, version.offset, deleter);
        if (members.has(version.maker)) return;
        kept.push(version.pointer);
        chunks.add(versionBytes(page, version));
        revive(page, version);
      });
      if (kept.length === 0) continue;
      resetPage(page);
      keepOnly(page, kept);
      file.append(page);
    }
    reading.seen(pages.length);
  }
  return seen;
}
