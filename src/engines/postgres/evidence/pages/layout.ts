/** PostgreSQL's heap page as it lies in memory and on disk (storage/bufpage.h, access/htup_details.h), little-endian. */
export const pageSize = 8192;

export const mask = {
  keyShareLock: 0x0010,
  exclusiveLock: 0x0040,
  lockOnly: 0x0080,
  frozen: 0x0300,
  xmaxCommitted: 0x0400,
  xmaxInvalid: 0x0800,
  multi: 0x1000,
  updated: 0x2000,
} as const;

const pageHeader = 24;
const pointerUnused = 0;
const pointerNormal = 1;
const pointerDead = 3;
const movedBlock = 0xffffffff;
const movedOffset = 0xfffd;

/** What became of a version, by its t_ctid. */
export type Next = "itself" | "moved" | "another";

/** One version of a row on a page. The same object is filled anew for each: keep nothing of it. */
export interface Version {
  /** Where its line pointer lies in the page, and where its header. */
  pointer: number;
  row: number;
  block: number;
  offset: number;
  /** 32 bits; 0 = frozen long ago. */
  maker: number;
  /** 32 bits; 0 = none, only locked, or known to be given up. A multixact's id where `multi`. */
  deleter: number;
  multi: boolean;
  /** Made by an UPDATE: there was one before it. */
  newer: boolean;
  next: Next;
  nextBlock: number;
  nextOffset: number;
}

/** Pointers whose versions are gone: pruned away on the page, or taken by VACUUM. A page without any pointer lost at least one. */
export interface PointerCount {
  dead: number;
  emptied: number;
}

const blank = (): Version => ({
  pointer: 0,
  row: 0,
  block: 0,
  offset: 0,
  maker: 0,
  deleter: 0,
  multi: false,
  newer: false,
  next: "itself",
  nextBlock: 0,
  nextOffset: 0,
});

/** Calls `visit` for each version on the page; counts the pointers whose versions are gone. */
export function eachVersion(page: Buffer, block: number, visit: (version: Version) => void, gone?: PointerCount): void {
  const lower = page.readUInt16LE(12);
  const version = blank();
  if (gone && lower === pageHeader) gone.emptied += 1;
  for (let pointer = pageHeader; pointer < lower; pointer += 4) {
    const word = page.readUInt32LE(pointer);
    const state = (word >>> 15) & 3;
    if (gone && state === pointerDead) gone.dead += 1;
    if (gone && state === pointerUnused) gone.emptied += 1;
    if (state !== pointerNormal) continue;
    version.pointer = pointer;
    version.offset = (pointer - 24) / 4 + 1;
    version.block = block;
    decode(page, word & 0x7fff, version);
    visit(version);
  }
}

/** The multixacts on the page that may hide a deleter; most pages have none, and this looks at no more than it must. */
export function eachMultixact(page: Buffer, visit: (multi: number) => void): void {
  const lower = page.readUInt16LE(12);
  for (let pointer = pageHeader; pointer < lower; pointer += 4) {
    const word = page.readUInt32LE(pointer);
    if (((word >>> 15) & 3) !== pointerNormal) continue;
    const row = word & 0x7fff;
    const info = page.readUInt16LE(row + 20);
    if ((info & mask.multi) !== 0 && !isUndeleted(info)) visit(page.readUInt32LE(row + 4));
  }
}

function decode(page: Buffer, row: number, version: Version): void {
  const info = page.readUInt16LE(row + 20);
  version.row = row;
  const maker = page.readUInt32LE(row);
  version.maker = (info & mask.frozen) === mask.frozen || maker < 3 ? 0 : maker;
  version.multi = (info & mask.multi) !== 0;
  version.newer = (info & mask.updated) !== 0;
  version.deleter = isUndeleted(info) ? 0 : page.readUInt32LE(row + 4);
  version.nextBlock = page.readUInt16LE(row + 12) * 0x10000 + page.readUInt16LE(row + 14);
  version.nextOffset = page.readUInt16LE(row + 16);
  version.next = nextOf(version);
}

/** No deleter, as far as the hint bits say; that they are missing says nothing. */
function isUndeleted(info: number): boolean {
  if (info & (mask.xmaxInvalid | mask.lockOnly)) return true;
  // A row lock taken before 9.3 and carried along by pg_upgrade.
  return (info & (mask.multi | mask.keyShareLock | mask.exclusiveLock)) === mask.exclusiveLock;
}

function nextOf(version: Version): Next {
  if (version.nextBlock === version.block && version.nextOffset === version.offset) return "itself";
  return version.nextBlock === movedBlock && version.nextOffset === movedOffset ? "moved" : "another";
}

/** The version's header and values, out of its page. */
export function versionBytes(page: Buffer, { pointer, row }: Pick<Version, "pointer" | "row">): Buffer {
  return page.subarray(row, row + (page.readUInt32LE(pointer) >>> 17));
}

/** A version's place as one number. */
export function place(block: number, offset: number): number {
  return block * 0x10000 + offset;
}

/** As the server writes a ctid. */
export function placeText(at: number): string {
  return `(${Math.floor(at / 0x10000)},${at % 0x10000})`;
}
