import { mask, type Version } from "../pages/layout.ts";

const allVisible = 0x0004;
const [pruneXid, flags, checksum] = [20, 10, 8];
const dropped = 0x0010 | 0x0040 | 0x0080 | 0x0400 | 0x1000 | 0x2000;
const attributeCount = 0x07ff;

/** A page as a server without checksums takes it: nothing in it refers to the log, to visibility or to pruning. */
export function resetPage(page: Buffer): void {
  page.fill(0, 0, 8); // the log's position
  page.writeUInt16LE(0, checksum);
  page.writeUInt16LE(page.readUInt16LE(flags) & ~allVisible, flags);
  page.writeUInt32LE(0, pruneXid);
}

/** Makes a dead version plainly visible: made long ago, deleted by nobody. */
export function revive(page: Buffer, { row }: Pick<Version, "row">): void {
  const info = page.readUInt16LE(row + 20);
  page.writeUInt32LE(0, row + 4);
  page.writeUInt16LE((info & ~dropped & 0xffff) | mask.xmaxInvalid | mask.frozen, row + 20);
  page.writeUInt16LE(page.readUInt16LE(row + 18) & attributeCount, row + 18);
}

/** Drops every line pointer but those that are kept. `kept`: their places in the page, ascending. */
export function keepOnly(page: Buffer, kept: readonly number[]): void {
  const lower = page.readUInt16LE(12);
  let next = 0;
  for (let pointer = 24; pointer < lower; pointer += 4) {
    if (kept[next] === pointer) next += 1;
    else page.writeUInt32LE(0, pointer);
  }
}
