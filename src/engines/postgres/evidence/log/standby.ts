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

/** The next id to be given out, where the record tells which transactions run: at each checkpoint, and every 15 s while the server works. */
export function nextXidIn(record: LogRecord, major: number): number | null {
  return (record.info & 0xf0) === running ? mainOf(record, major).readUInt32LE(12) : null;
}
