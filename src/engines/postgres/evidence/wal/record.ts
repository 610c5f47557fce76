/** What one record of the log did to one page of a heap. */
export interface LogRecord {
  /** Their order: each block of each record has a number of its own. */
  readonly nth: number;
  readonly block: number;
  /** An UPDATE that goes to another page: the other page. -1 where there is none. */
  readonly other: number;
  /** False only for the old page of an UPDATE that goes to another page. */
  readonly first: boolean;
  /** 32 bits; a subtransaction's own. */
  readonly xid: number;
  readonly kind: string;
  /** The server's words of it: offsets and flags. */
  readonly words: string;
  readonly data: Buffer | null;
  /** The whole page as the record left it. */
  readonly image: Buffer | null;
}

const fixed = 27;

/** As it waits in the spool. Lengths are in the fixed part, so that a reader needs no more than that to go on. */
export function encodeRecord(record: LogRecord): readonly Buffer[] {
  const [kind, words] = [Buffer.from(record.kind, "latin1"), Buffer.from(record.words, "latin1")];
  const head = Buffer.allocUnsafe(fixed);
  head.writeUIntLE(record.nth, 0, 6);
  head.writeUInt32LE(record.block, 6);
  head.writeInt32LE(record.other, 10);
  head.writeUInt32LE(record.xid, 14);
  head.writeUInt8((record.first ? 1 : 0) | (record.image ? 2 : 0) | (record.data ? 4 : 0), 18);
  head.writeUInt8(kind.length, 19);
  head.writeUIntLE(words.length, 20, 3);
  head.writeUInt32LE(record.data?.length ?? 0, 23);
  return [head, kind, words, ...(record.data ? [record.data] : []), ...(record.image ? [record.image] : [])];
}

/** The record at a place of the spool, and where the next begins. Its buffers are those of `bytes`. */
export function decodeRecord(bytes: Buffer, from: number): { readonly record: LogRecord; readonly end: number } {
  const flags = bytes.readUInt8(from + 18);
  let at = from + fixed;
  const take = (length: number) => bytes.subarray(at, (at += length));
  const kind = take(bytes.readUInt8(from + 19)).toString("latin1");
  const words = take(bytes.readUIntLE(from + 20, 3)).toString("latin1");
  const data = (flags & 4) === 0 ? null : take(bytes.readUInt32LE(from + 23));
  const image = (flags & 2) === 0 ? null : take(8192);
  const record: LogRecord = {
    nth: bytes.readUIntLE(from, 6),
    block: bytes.readUInt32LE(from + 6),
    other: bytes.readInt32LE(from + 10),
    first: (flags & 1) !== 0,
    xid: bytes.readUInt32LE(from + 14),
    kind,
    words,
    data,
    image,
  };
  return { record, end: at };
}
