import type { Asked } from "../statement.ts";
import type { FileNode } from "../../file-node.ts";
import { removal } from "../log/heap.ts";
import { eachVersion, place } from "../pages/layout.ts";
import { type ChainEnd, chains } from "./chains.ts";
import { applyChange, flagsIn, type LogPage, newPage, numberIn, slotAt } from "./page.ts";
import { decodeChange, type PageChange } from "./page-change.ts";
import { keysOf } from "./spool-changes.ts";
import type { Spool } from "./spool.ts";
import type { TupleBytes } from "./tuples.ts";

/** What the replay of one file asks for and tells. */
export interface ReplayJob {
  /** 32-bit ids of the statement's transactions and their committed subtransactions. */
  readonly members: ReadonlySet<number>;
  /** What comes back: rows that it took, or what rows were before it changed them. */
  readonly asked: Asked;
  /** The log holds the statement from its beginning. */
  readonly whole: boolean;
  /** The version that this transaction ended still stands on its page: then the page has it, and tells how its row ended. */
  onPage(at: number, xid: number): boolean;
  /** Keeps a tuple for the scratch server and gives its place there; null where it can't be opened there (a long value is not whole). */
  keep(bytes: TupleBytes, xid: number, maker: number): number | null;
  drop(kept: number): void;
  /** What was kept is a row that comes back; `to`: the place of what replaced it, where former values come back. */
  found(kept: number, to?: number): void;
}

/** Rows that the statement ended and that are not on their pages any more, and what of the pages' own story the log knows better. */
export interface Replayed {
  readonly found: number;
  readonly lost: number;
  readonly updated: number;
  readonly moved: number;
  /** Less than 0 where the pages took for the statement's own what is the end of somebody else's row. */
  readonly own: number;
  readonly unknown: number;
  /** How the chains end whose first version is on its page, and where. */
  readonly ends: ReadonlyMap<number, { readonly end: ChainEnd; readonly to?: number }>;
}

type Counts = { -readonly [K in Exclude<keyof Replayed, "ends">]: number };

/** Replays a file page by page, each in the order of the log. What the log does not tell is counted, never guessed. */
export function replayFile(spool: Spool, file: FileNode, job: ReplayJob): Replayed {
  const counts: Counts = { found: 0, lost: 0, updated: 0, moved: 0, own: 0, unknown: 0 };
  const story = chains(job.whole);
  const desk: Desk = { job, counts, story };
  for (const key of keysOf(spool, file)) {
    const pages = new Map<number, Watched>();
    for (const bytes of spool.read(key))
      for (let at = 0; at < bytes.length;) {
        const { change, end } = decodeChange(bytes, at);
        replayChange(desk, pages, change);
        at = end;
      }
  }
  const ends = settle(desk);
  return { ...counts, ends };
}

interface Desk {
  readonly job: ReplayJob;
  readonly counts: Counts;
  readonly story: ReturnType<typeof chains>;
}

/** A page, and who of the statement ended what on it: what an image shows again is not counted again. */
interface Watched extends LogPage {
  readonly ended: Map<number, number>;
}

function replayChange(desk: Desk, pages: Map<number, Watched>, change: PageChange): void {
  const page = pages.get(change.block) ?? { ...newPage(), ended: new Map<number, number>() };
  pages.set(change.block, page);
  const byUs = desk.job.members.has(change.xid);
  const type = change.kind.replace("+INIT", "");
  applyChange(page, change);
  if (byUs) ours(desk, page, change, type);
  if (!desk.job.whole && change.image !== null) fromImage(desk, page, change);
}

/** What the statement itself did to the page. */
function ours(desk: Desk, page: Watched, change: PageChange, type: string): void {
  const { words, first } = change;
  if (type === "INSERT") page.own.add(numberIn(words, "off"));
  else if (type === "MULTI_INSERT") ownOnes(desk, page, change);
  else if (type === "DELETE") {
    const offset = numberIn(words, "off");
    const how = removal(flagsIn(words));
    if (how === "given-up") {
      page.own.delete(offset);
      page.changed.set(offset, null);
    } else ended(desk, page, change, offset, how === "moved" ? "moved" : "itself");
  } else if (type === "UPDATE" || type === "HOT_UPDATE") {
    const [from, to] = [numberIn(words, "old_off"), numberIn(words, "new_off")];
    const newBlock = first ? change.block : change.other;
    if (!first || change.other < 0) ended(desk, page, change, from, place(newBlock, to));
    if (first) page.own.add(to);
  }
}

function ownOnes(desk: Desk, page: Watched, { xid }: PageChange): void {
  for (const [offset, slot] of page.changed) if (slot?.maker === xid) page.own.add(offset);
  if (page.image !== null)
    eachVersion(page.image, 0, ({ maker, offset }) => {
      if (desk.job.members.has(maker)) page.own.add(offset);
    });
}

function ended(desk: Desk, page: Watched, change: PageChange, offset: number, to: number | "itself" | "moved"): void {
  const { job, counts, story } = desk;
  const at = place(change.block, offset);
  const { xid, nth } = change;
  const own = page.own.delete(offset);
  page.ended.set(offset, xid);
  const slot = slotAt(page, offset);
  if (own || (slot !== null && job.members.has(slot.maker))) return story.link(nth, at, xid, to);
  const onPage = job.onPage(at, xid);
  if (typeof to === "number") {
    const kept = onPage || !slot?.bytes ? null : job.keep(slot.bytes, xid, slot.maker);
    return story.head(nth, { at, xid, kept, ...(slot === null && !job.whole ? { strange: true as const } : {}) }, to);
  }
  if (onPage || job.asked === "values") return;
  // Before the log begins the statement itself may have made what it ends here.
  if (slot === null && !job.whole) counts.unknown += 1;
  else if (to === "moved") counts.moved += 1;
  else found(desk, slot?.bytes ? job.keep(slot.bytes, xid, slot.maker) : null);
}

function found({ job, counts }: Desk, kept: number | null, to?: number): void {
  counts[kept === null ? "lost" : "found"] += 1;
  if (kept !== null) job.found(kept, to);
}

/** Where the log begins within the statement, a whole page shows what it had ended before. */
function fromImage(desk: Desk, page: Watched, change: PageChange): void {
  const { job, counts } = desk;
  if (page.image === null) return;
  const image = page.image;
  eachVersion(image, change.block, (version) => {
    const { offset, deleter, multi, maker, next } = version;
    if (multi || !job.members.has(deleter) || page.ended.get(offset) === deleter) return;
    page.ended.set(offset, deleter);
    if (job.onPage(place(change.block, offset), deleter)) return;
    const bytes = slotAt(page, offset)?.bytes;
    if (job.members.has(maker) || next === "another" || !bytes) counts.unknown += 1;
    else if (job.asked === "values") return;
    else if (next === "moved") counts.moved += 1;
    else found(desk, job.keep(bytes, deleter, maker));
  });
}

function settle(desk: Desk): Replayed["ends"] {
  const { job, counts, story } = desk;
  const wanted: ChainEnd = job.asked === "rows" ? "deleted" : "updated";
  const ends = new Map<number, { readonly end: ChainEnd; readonly to?: number }>();
  story.settle((end, head, last, to) => {
    const lastOnPage = last !== null && job.onPage(last.at, last.xid);
    if (head === null) {
      if (!lastOnPage) counts[end === "own" ? "own" : "unknown"] += 1;
      return;
    }
    if (head.kept !== null && end !== wanted) job.drop(head.kept);
    if (job.onPage(head.at, head.xid)) return void ends.set(head.at, to === undefined ? { end } : { end, to });
    // The pages alone could not see that this version led back to somebody's row.
    if (lastOnPage && end === "deleted") counts.own -= 1;
    if (head.strange) {
      if (head.kept !== null && end === wanted) job.drop(head.kept);
      counts.unknown += 1;
    } else if (end === wanted) found(desk, head.kept, to);
    else if (end === "updated") counts.updated += 1;
    else if (end === "moved") counts.moved += 1;
  });
  return ends;
}
