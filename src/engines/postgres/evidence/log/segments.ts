/** A file of the log: its timeline, and where it begins. Names hold the timeline, the high half of the position, and the number within it. */
export interface Segment {
  readonly timeline: number;
  readonly start: bigint;
}

export const pageBytes = 8192;

/** `000000010000000000000002` */
export function segmentName({ timeline, start }: Segment, bytes: number): string {
  const hex = (part: bigint) => part.toString(16).toUpperCase().padStart(8, "0");
  return hex(BigInt(timeline)) + hex(start >> 32n) + hex((start & 0xffffffffn) / BigInt(bytes));
}

/** What a file's name says; null where it is no name of such a file. */
export function segmentOf(name: string, bytes: number): Segment | null {
  const [, timeline, high, low] = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})$/.exec(name) ?? [];
  if (timeline === undefined || high === undefined || low === undefined) return null;
  const start = (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`) * BigInt(bytes);
  return { timeline: Number.parseInt(timeline, 16), start };
}

/** Every file from the one with `from` to the one with `to`. */
export function segmentsBetween(timeline: number, from: bigint, to: bigint, bytes: number): readonly Segment[] {
  const [first, last] = [segmentAt(timeline, from, bytes).start, segmentAt(timeline, to, bytes).start];
  const count = Number((last - first) / BigInt(bytes)) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, nth) => ({
    timeline,
    start: first + BigInt(nth) * BigInt(bytes),
  }));
}

/** The file in which a position lies. */
function segmentAt(timeline: number, position: bigint, bytes: number): Segment {
  return { timeline, start: position - (position % BigInt(bytes)) };
}

/** What a file says of itself on its first page; null where it is none of the log's. */
export function segmentHead(page: Buffer): (Segment & { readonly system: string; readonly bytes: number }) | null {
  const isLong = page.length >= 40 && page[1] === 0xd1 && (page.readUInt16LE(2) & 0x0002) !== 0;
  if (!isLong || page.readUInt32LE(36) !== pageBytes) return null;
  return {
    timeline: page.readUInt32LE(4),
    start: page.readBigUInt64LE(8),
    system: page.readBigUInt64LE(24).toString(),
    bytes: page.readUInt32LE(32),
  };
}
