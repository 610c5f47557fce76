/** What one record of the log did to one page of a heap. */
export interface PageChange {
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

/** The same with its texts as bytes, as they come and as they wait in the spool. */
export type RawChange = Omit<PageChange, "kind" | "words"> & { readonly kind: Buffer; readonly words: Buffer };

const fixed = 27;

export function changeBytes({ kind, words, data, image }: RawChange): number {
  return fixed + kind.length + words.length + (data?.length ?? 0) + (image?.length ?? 0);
}

/** Lengths are in the fixed part, so that a reader needs no more than that to go on. */
export function encodeChange(change: RawChange, into: Buffer, from: number): void {
  const { kind, words, data, image } = change;
  into.writeUIntLE(change.nth, from, 6);
  into.writeUInt32LE(change.block, from + 6);
  into.writeInt32LE(change.other, from + 10);
  into.writeUInt32LE(change.xid, from + 14);
  into.writeUInt8((change.first ? 1 : 0) | (image ? 2 : 0) | (data ? 4 : 0), from + 18);
  into.writeUInt8(kind.length, from + 19);
  into.writeUIntLE(words.length, from + 20, 3);
  into.writeUInt32LE(data?.length ?? 0, from + 23);
  let at = from + fixed;
  for (const part of [kind, words, data, image]) if (part) at += part.copy(into, at);
}

/** The change at a place of the spool, and where the next begins. Its buffers are those of `bytes`. */
export function decodeChange(bytes: Buffer, from: number): { readonly change: PageChange; readonly end: number } {
  const flags = bytes.readUInt8(from + 18);
  const kindEnd = from + fixed + bytes.readUInt8(from + 19);
  const wordsEnd = kindEnd + bytes.readUIntLE(from + 20, 3);
  const dataEnd = wordsEnd + bytes.readUInt32LE(from + 23);
  const end = dataEnd + ((flags & 2) === 0 ? 0 : 8192);
  const change: PageChange = {
    nth: bytes.readUIntLE(from, 6),
    block: bytes.readUInt32LE(from + 6),
    other: bytes.readInt32LE(from + 10),
    first: (flags & 1) !== 0,
    xid: bytes.readUInt32LE(from + 14),
    kind: bytes.toString("latin1", from + fixed, kindEnd),
    words: bytes.toString("latin1", kindEnd, wordsEnd),
    data: (flags & 4) === 0 ? null : bytes.subarray(wordsEnd, dataEnd),
    image: (flags & 2) === 0 ? null : bytes.subarray(dataEnd, end),
  };
  return { change, end };
}
