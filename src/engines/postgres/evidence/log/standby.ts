import { mainOf } from "./blocks.ts";
import type { LogRecord } from "./records.ts";

/** What a standby has to know (storage/standbydefs.h). */
const [locks, running] = [0x00, 0x10];

export interface LoggedLock {
  readonly xid: number;
  readonly database: number;
  readonly table: number;
}

/** Exclusive locks: a count, then transaction, database and table of each; all that are held are told again from time to time. */
export function locksIn(record: LogRecord, major: number): readonly LoggedLock[] {
  if ((record.info & 0xf0) !== locks) return [];
  const main = mainOf(record, major);
  return Array.from({ length: main.readInt32LE(0) }, (_, nth) => {
    const at = 4 + nth * 12;
    return { xid: main.readUInt32LE(at), database: main.readUInt32LE(at + 4), table: main.readUInt32LE(at + 8) };
  });
}

/** A word on the transactions that run: at each checkpoint, and every 15 s while the server works. */
export interface Running {
  readonly at: bigint;
  /** The next id to be given out. */
  readonly next: number;
  /** Some had more subtransactions than it names (64 each): a standby that begins here can't be read. */
  readonly overflowed: boolean;
}

/** Null where the record tells of something else. */
export function runningIn(record: LogRecord, major: number): Running | null {
  if ((record.info & 0xf0) !== running) return null;
  const main = mainOf(record, major);
  return { at: record.position, next: main.readUInt32LE(12), overflowed: main.readUInt8(8) !== 0 };
}
