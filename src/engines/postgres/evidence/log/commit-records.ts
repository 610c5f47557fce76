import { crc32c } from "./crc32c.ts";

/** A COMMIT as the log's files hold it. Ids have 32 bits. */
export interface CommitRecord {
  readonly xid: number;
  readonly subs: readonly number[];
  /** Microseconds since 2000-01-01. */
  readonly time: bigint;
  /** Where the record begins in the log. */
  readonly at: bigint;
}

/** Takes the log's pages one after the other. */
export interface CommitReader {
  /** `at`: the page's position in the log. False: this is no page of a log that can be read, or the log ends here. */
  page(page: Buffer, at: bigint): boolean;
  /** A record began that goes on in the next page. */
  readonly unfinished: boolean;
}

export const logPageSize = 8192;

/**
 * The log's layout (access/xlog_internal.h, xlogrecord.h, xact.h) is known here for the one version that has no pg_walinspect, 14; a
 * page names its layout by this number, and any other is left alone.
 */
const knownLayout = 0xd10d;
const [goesOn, longHeader] = [0x0001, 0x0002];
const [headerBytes, longHeaderBytes, recordHeader] = [24, 40, 24];

const aligned = (bytes: number) => (bytes + 7) & ~7;

/** `found` is told each COMMIT whose checksum is right; all other records are stepped over. */
export function commitReader(found: (commit: CommitRecord) => void): CommitReader {
  let open: { readonly at: bigint; readonly total: number; readonly parts: Buffer[]; left: number } | null = null;

  const goOn = (page: Buffer, from: number, remaining: number): number => {
    const taken = Math.min(remaining, logPageSize - from);
    // A crash may leave a record without its end: the next page then begins anew, or names another length.
    if (open?.left !== remaining) open = null;
    if (open) {
      open.parts.push(Buffer.from(page.subarray(from, from + taken)));
      open.left -= taken;
      if (open.left === 0) {
        commitOf(Buffer.concat(open.parts), open.at, found);
        open = null;
      }
    }
    return from + aligned(taken);
  };

  const page = (bytes: Buffer, at: bigint): boolean => {
    if (bytes.readUInt16LE(0) !== knownLayout || bytes.readBigUInt64LE(8) !== at) return false;
    const flags = bytes.readUInt16LE(2);
    const header = (flags & longHeader) === 0 ? headerBytes : longHeaderBytes;
    let next = header;
    if ((flags & goesOn) === 0) open = null;
    else next = goOn(bytes, header, bytes.readUInt32LE(16));
    while (next + 4 <= logPageSize) {
      const total = bytes.readUInt32LE(next);
      if (total < recordHeader) return false; // the log ends, or its file was left early
      const record = bytes.subarray(next, Math.min(logPageSize, next + total));
      const begins = at + BigInt(next);
      if (record.length === total) commitOf(record, begins, found);
      else open = { at: begins, total, parts: [Buffer.from(record)], left: total - record.length };
      next += aligned(total);
    }
    return true;
  };

  return {
    page,
    get unfinished() {
      return open !== null;
    },
  };
}

const transactionManager = 1;
const [operations, commit, commitPrepared, hasInfo] = [0x70, 0x00, 0x30, 0x80];

function commitOf(record: Buffer, at: bigint, found: (commit: CommitRecord) => void): void {
  const info = record.readUInt8(16);
  const operation = info & operations;
  if (record.readUInt8(17) !== transactionManager || (operation !== commit && operation !== commitPrepared)) return;
  if (crc32c(record.subarray(recordHeader), record.subarray(0, 20)) !== record.readUInt32LE(20)) return;
  const data = mainData(record);
  if (data === null) return;
  const { subs, prepared } = (info & hasInfo) === 0 ? { subs: [], prepared: null } : partsOf(data);
  const xid = operation === commit ? record.readUInt32LE(4) : prepared;
  if (xid) found({ xid, subs, time: data.readBigInt64LE(0), at });
}

/** After the header: an origin, a top-level id, then the data with its length in one or four bytes. */
function mainData(record: Buffer): Buffer | null {
  for (let at = recordHeader; at < record.length;) {
    const kind = record.readUInt8(at);
    if (kind === 255) return record.subarray(at + 2);
    if (kind === 254) return record.subarray(at + 5);
    if (kind !== 253 && kind !== 252) return null;
    at += kind === 253 ? 3 : 5;
  }
  return null;
}

const has = { database: 1, subs: 2, files: 4, messages: 8, prepared: 16 } as const;
const [fileBytes, messageBytes] = [12, 16];

/** The optional parts in their order: database, subtransactions, files to remove, messages to other sessions, a prepared one's id. */
function partsOf(data: Buffer): { readonly subs: readonly number[]; readonly prepared: number | null } {
  const parts = data.readUInt32LE(8);
  let at = 12;
  const counted = (part: number, bytes: number) => {
    if ((parts & part) === 0) return 0;
    const count = data.readInt32LE(at);
    at += 4 + count * bytes;
    return count;
  };
  if ((parts & has.database) !== 0) at += 8;
  const first = at + 4;
  const subs = Array.from({ length: counted(has.subs, 4) }, (_, nth) => data.readUInt32LE(first + 4 * nth));
  counted(has.files, fileBytes);
  counted(has.messages, messageBytes);
  return { subs, prepared: (parts & has.prepared) === 0 ? null : data.readUInt32LE(at) };
}
