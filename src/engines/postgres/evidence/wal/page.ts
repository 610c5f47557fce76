import type { PageChange } from "./page-change.ts";
import { insertedTuple, insertedTuples, tupleOn, type TupleBytes, updatedTuple } from "./tuples.ts";

/** What stands at a place: who made it (32 bits, 0 = long ago), and its bytes where the log gives them. */
export interface Slot {
  readonly maker: number;
  readonly bytes: TupleBytes | null;
}

/** One page as the log tells it. A place that the log did not speak of yet is unknown, never empty. */
export interface LogPage {
  image: Buffer | null;
  /** Since the image; null = no row stands there. */
  readonly changed: Map<number, Slot | null>;
  /** Places of rows that the statement itself made. */
  readonly own: Set<number>;
}

export function newPage(): LogPage {
  return { image: null, changed: new Map(), own: new Set() };
}

export function slotAt(page: LogPage, offset: number): Slot | null {
  const changed = page.changed.get(offset);
  if (changed !== undefined) return changed;
  return page.image === null ? null : tupleOn(page.image, offset);
}

/** Applies the change; the old version of an UPDATE or DELETE stays where it is, as in the server. */
export function applyChange(page: LogPage, change: PageChange): void {
  const { kind, xid, words, data, image, first } = change;
  const type = kind.replace("+INIT", "");
  if (kind.endsWith("+INIT") && first) emptied(page);
  const made = madeBy(page, type, change);
  if (image !== null) {
    page.image = Buffer.from(image);
    page.changed.clear();
    for (const offset of page.own) if (!tupleOn(page.image, offset)) page.own.delete(offset);
  } else if (data !== null || type.startsWith("PRUNE") || type === "VACUUM") {
    for (const [offset, bytes] of made) page.changed.set(offset, { maker: xid, bytes });
    for (const offset of freed(type, words)) {
      page.changed.set(offset, null);
      page.own.delete(offset);
    }
  }
}

function emptied(page: LogPage): void {
  page.image = null;
  page.changed.clear();
  page.own.clear();
}

/** The rows that the change put on the page, with their places; with an image, they are in the image. */
function madeBy(page: LogPage, type: string, change: PageChange): readonly (readonly [number, TupleBytes | null])[] {
  const { words, data, image, first } = change;
  if (!first || data === null || image !== null) return [];
  if (type === "INSERT") return [[numberIn(words, "off"), insertedTuple(data)]];
  if (type === "MULTI_INSERT") {
    const offsets = listIn(words, "offsets").map(Number);
    const tuples = insertedTuples(data, numberIn(words, "ntuples"));
    return tuples.map((bytes, nth) => [offsets[nth] ?? nth + 1, bytes] as const);
  }
  if (type !== "UPDATE" && type !== "HOT_UPDATE") return [];
  const old = change.other < 0 ? (slotAt(page, numberIn(words, "old_off"))?.bytes ?? null) : null;
  return [[numberIn(words, "new_off"), updatedTuple(data, flagsIn(words), old)]];
}

/** What pruning and vacuum took off the page: dead, given back, or pointing to another place ("10->130"). */
function freed(type: string, words: string): readonly number[] {
  if (!type.startsWith("PRUNE") && type !== "VACUUM") return [];
  const pointing = listIn(words, "redirected").map((pair) => pair.split("->")[0]);
  return [...listIn(words, "dead"), ...listIn(words, "unused"), ...pointing].map(Number);
}

export function numberIn(words: string, name: string): number {
  const key = `${name}: `;
  const at = words.startsWith(key) ? 0 : words.indexOf(` ${key}`) + 1;
  if (at === 0 && !words.startsWith(key)) throw new Error(`a record of the log without ${name}`);
  return Number.parseInt(words.slice(at + key.length, at + key.length + 12), 10);
}

export function flagsIn(words: string): number {
  return Number.parseInt(/flags: 0x([0-9A-Fa-f]+)/.exec(words)?.[1] ?? "0", 16);
}

function listIn(words: string, name: string): readonly string[] {
  const found = new RegExp(`(?:^|[ ,])${name}: \\[([^\\]]*)\\]`).exec(words)?.[1] ?? "";
  return found === "" ? [] : found.split(",").map((part) => part.trim());
}
