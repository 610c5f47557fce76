import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Boundary, Watch } from "../../../engine.ts";
import type { Statement } from "../../../evidence.ts";
import type { Connection } from "../../connection.ts";
import { type LoggedTable, loggedTables } from "../log/files.ts";
import { logWindow } from "../log/window.ts";
import type { Settled } from "../pages/fates.ts";
import { pageSize } from "../pages/layout.ts";
import { multixacts } from "../pages/multixact.ts";
import { type Newest, newestOf, type Weighed, withoutOlder } from "../pages/newest.ts";
import { pageSource, type Relation, relations } from "../pages/relation.ts";
import { type Asked, askedOf, membersOf, tablesOf } from "../statement.ts";
import type { CopiedTable } from "../transplant/copy-pages.ts";
import { placeOfPointer } from "../transplant/replaced-places.ts";
import { type RelationFile, relationFile } from "../transplant/relation-file.ts";
import type { Shapes } from "../transplant/shapes.ts";
import { nextXid } from "../xid.ts";
import { type Chunks, chunksFound, longValues } from "./long-values.ts";
import { chunksOnPages, heapOnPages, type OnPages, type PageReading } from "./on-pages.ts";
import { packer } from "./pack.ts";
import { reachesBack } from "./reach.ts";
import { type Replayed, replayFile, type ReplayJob } from "./replay.ts";
import { spoolChanges } from "./spool-changes.ts";
import { openSpool, type Spool } from "./spool.ts";

export interface RebuildWork {
  /** For raw pages. */
  readonly reading: Connection;
  /** For the log, and nothing else meanwhile. */
  readonly log: readonly [Connection, Connection, Connection];
  /** The schema of pg_walinspect, quoted. */
  readonly inspect: string;
  readonly asking: Connection;
  readonly statement: Statement;
  readonly shapes: Shapes;
  /** Where the tables' files are written; null counts only. */
  readonly folder: string | null;
  /** Where the log may wait on this machine's disk, without a name. */
  readonly spoolFolder: string;
  readonly watch: Watch;
  readonly reached: Boundary;
}

export interface Rebuilt {
  readonly tables: readonly CopiedTable[];
  /** The log holds the statement from its beginning: rows found and lost are all that it took. */
  readonly whole: boolean;
}

/**
 * The statement's rows from their pages where they still stand, else out of the log, by its replay page by page. A row is the same where
 * file, block and offset are.
 */
export async function rebuildTables(work: RebuildWork): Promise<Rebuilt> {
  const { asking, log, inspect, statement, watch } = work;
  const names = tablesOf(statement);
  const logged = await loggedTables(asking, names);
  const window = await logWindow(asking);
  const first = Math.min(...statement.transactions.map(Number));
  const whole =
    logged.tables.every((table) => table.logged) &&
    (await reachesBack(log[0], inspect, window, first, await nextXid(asking)));
  const spool = openSpool(work.spoolFolder);
  try {
    await spoolChanges({ connections: log, schema: inspect, window }, logged, spool, watch);
    work.reached("wal.spooled");
    return { tables: await eachTable(work, logged.tables, spool, whole), whole };
  } finally {
    spool.close();
  }
}

async function eachTable(
  work: RebuildWork,
  logged: readonly LoggedTable[],
  spool: Spool,
  whole: boolean,
): Promise<readonly CopiedTable[]> {
  const found = await relations(
    work.reading,
    logged.map(({ table }) => table),
  );
  const total = found.reduce((sum, { blocks, toast }) => sum + blocks + (toast?.blocks ?? 0), 0);
  const source = await pageSource(work.reading, total * pageSize);
  const multis = multixacts(work.asking);
  const members = membersOf(work.statement);
  const tables: CopiedTable[] = [];
  let done = 0;
  for (const relation of found) {
    const table = logged.find(({ oid }) => oid === relation.oid);
    if (!table) continue;
    const { watch } = work;
    const seen = (pages: number) =>
      watch.progress({ done: (done += pages), total, unit: "pages", note: relation.table });
    const reading: PageReading = { source, multis, members, asked: askedOf(work.statement), watch, seen };
    tables.push(await oneTable(work, { table, relation, reading, spool, whole: whole && table.logged }));
  }
  return tables;
}

interface OneTable {
  readonly table: LoggedTable;
  readonly relation: Relation;
  readonly reading: PageReading;
  readonly spool: Spool;
  readonly whole: boolean;
}

/** Long values first: a row whose value is not whole is lost. */
async function oneTable(work: RebuildWork, one: OneTable): Promise<CopiedTable> {
  const chunks = chunksFound();
  const toast = one.relation.toast === null ? null : await longOnes(work, one, one.relation.toast, chunks);
  const shape = work.shapes.tables.find(({ oid }) => oid === one.relation.oid);
  const columns = shape?.columns ?? [];
  const file = fileFor(work.folder, one.relation.oid);
  const isValues = one.reading.asked === "values";
  const newest = isValues ? null : await newestOf(work.asking, work.statement, one.relation.table);
  const onPages = await heapOnPages(one.reading, one.relation, file, chunks, columns, newest);
  const pagesEnd = file.size();
  const replayed = replayInto(one, one.table.heap, file, {
    onPage: onPages.seen.has,
    fits: (bytes) => longValues(bytes, columns).every((value) => chunks.whole(value)),
    newest,
    found: (kept, to) => void (to === undefined || onPages.replaced.set(placeOfPointer(kept), to)),
  });
  const all = joined(one, onPages, replayed, file, newest);
  const counted = newest === null ? all : withoutTheOlder(all, newest, file, pagesEnd);
  const heap = file.close();
  return { relation: one.relation, ...counted, heap, toast, ...(isValues ? { replaced: onPages.replaced } : {}) };
}

async function longOnes(
  work: RebuildWork,
  one: OneTable,
  toast: NonNullable<Relation["toast"]>,
  chunks: Chunks,
): Promise<readonly string[]> {
  const file = fileFor(work.folder, toast.oid);
  const seen = await chunksOnPages(one.reading, toast, file, chunks);
  const keep = (bytes: Buffer) => (chunks.add(bytes), true);
  if (one.table.toast)
    replayInto(one, one.table.toast, file, { onPage: seen.has, fits: keep, newest: null, asked: "rows" });
  return file.close();
}

interface Into {
  readonly onPage: ReplayJob["onPage"];
  readonly fits: (bytes: Buffer) => boolean;
  readonly newest: Newest | null;
  /** Pieces of long values are taken whole, or not at all. */
  readonly asked?: Asked;
  readonly found?: ReplayJob["found"];
}

function replayInto(
  { reading, spool, whole }: OneTable,
  logFile: LoggedTable["heap"],
  file: RelationFile,
  { onPage, fits, newest, asked = reading.asked, found: told }: Into,
): Replayed {
  const pack = packer(file);
  const weighed = new Map<number, Weighed>();
  const replayed = replayFile(spool, logFile, {
    members: reading.members,
    asked,
    whole,
    onPage,
    keep: (bytes, xid, maker) => {
      if (!fits(bytes)) return null;
      const kept = pack.add(bytes);
      if (newest) weighed.set(kept, newest.weigh(bytes, xid, maker));
      return kept;
    },
    drop: pack.remove,
    found: (kept, to) => {
      told?.(kept, to);
      const one = weighed.get(kept);
      if (one) newest?.take(one, kept);
      weighed.delete(kept);
    },
  });
  pack.end();
  return replayed;
}

/** What the pages could not tell, the log may; each row is counted once. */
function joined(
  { reading, whole }: OneTable,
  { settled, broken, replaced, cut }: OnPages,
  replayed: Replayed,
  file: RelationFile,
  newest: Newest | null,
): CountedTable {
  const wanted = reading.asked === "rows" ? "deleted" : "updated";
  const ends = { deleted: 0, updated: 0, moved: 0, own: 0, unknown: 0 };
  for (const [at, pointer] of broken) {
    const { end, to } = replayed.ends.get(at) ?? { end: "unknown" as const };
    ends[end] += 1;
    if (end !== wanted) file.clearPointer(pointer);
    else if (to === undefined) newest?.arrive(at);
    else replaced.set(placeOfPointer(pointer), to);
  }
  const told = ends.deleted + ends.updated + ends.moved + (whole ? settled.unclear : 0);
  const fromPages = settled.rows - cut + ends[wanted];
  const counts: Settled = {
    ...settled,
    rows: fromPages + replayed.found,
    updated: settled.updated + (wanted === "updated" ? 0 : ends.updated) + replayed.updated,
    moved: settled.moved + ends.moved + replayed.moved,
    own: Math.max(0, settled.own + replayed.own),
    // The log has told of each of them what it was.
    headless: whole ? 0 : Math.min(settled.headless ?? 0, Math.max(0, settled.own + replayed.own)),
    unknown: settled.unknown - told + replayed.unknown,
  };
  const from = { "page-transplant": fromPages, wal: replayed.found };
  return { settled: counts, lost: replayed.lost + cut, from };
}

interface CountedTable {
  readonly settled: Settled;
  readonly lost: number;
  readonly from: Readonly<Record<"page-transplant" | "wal", number>>;
}

/** `pagesEnd`: what lies behind it in the file is out of the log. */
function withoutTheOlder(
  { settled, lost, from }: CountedTable,
  newest: Newest,
  file: RelationFile,
  pagesEnd: number,
): CountedTable {
  const older = newest.older();
  for (const pointer of older) file.clearPointer(pointer);
  const onPages = older.filter((pointer) => pointer < pagesEnd).length;
  return {
    settled: withoutOlder(settled, older.length),
    lost,
    from: { "page-transplant": from["page-transplant"] - onPages, wal: from.wal - (older.length - onPages) },
  };
}

function fileFor(folder: string | null, oid: number): RelationFile {
  if (folder === null) return nowhere();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return relationFile(path.join(folder, String(oid)));
}

/** For counting: everything has its place, nothing is written. */
function nowhere(): RelationFile {
  let bytes = 0;
  return {
    append: () => (bytes += pageSize) - pageSize,
    size: () => bytes,
    clearPointer: () => undefined,
    close: () => [],
  };
}
