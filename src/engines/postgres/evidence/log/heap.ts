import type { LogRecord } from "./records.ts";

/** Operations of the heap's records (access/heapam_xlog.h), `multiInsert` of its second resource manager; the same from 14 to 18. */
export const heap = { insert: 0x00, remove: 0x10, update: 0x20, hotUpdate: 0x40, multiInsert: 0x50 } as const;

export function operationOf({ info }: Pick<LogRecord, "info">): number {
  return info & 0x70;
}

const [givenUp, movedAway] = [0x08, 0x10];

/** What a DELETE's record tells: a row that goes, one that moves to another partition, or an INSERT that is given up. */
export type Removal = "deleted" | "moved" | "given-up";

export function removal(flags: number): Removal {
  if ((flags & givenUp) !== 0) return "given-up";
  return (flags & movedAway) !== 0 ? "moved" : "deleted";
}

/** `xl_heap_delete`: the row's place on its page at 4, flags at 7. */
export function removalIn(main: Buffer): Removal {
  return removal(main.readUInt8(7));
}

/** `xl_heap_multi_insert`: flags, then how many rows. */
export function rowsInserted(main: Buffer): number {
  return main.readUInt16LE(2);
}
