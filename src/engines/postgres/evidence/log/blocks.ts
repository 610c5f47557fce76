import { type FileNode, fileNode } from "../../file-node.ts";

export interface BlockReference extends FileNode {
  readonly block: number;
}

const [short, long, origin, topXid] = [255, 254, 253, 252];
const [hasImage, sameFile] = [0x10, 0x80];
const holeInImage = 0x01;

/** The pages that a record touches, and the part of it that is not about one of them. */
export interface RecordParts {
  readonly blocks: readonly BlockReference[];
  readonly main: Buffer;
}

/** `before15`: the flag for a compressed image is another there. */
export function partsOf(bytes: Buffer, before15: boolean): RecordParts {
  const compressed = before15 ? 0x02 : 0x1c;
  const blocks: BlockReference[] = [];
  let at = 24;
  let [mainLength, payload] = [0, 0];
  while (bytes.length - at > payload) {
    const id = bytes.readUInt8(at);
    if (id === short || id === long) {
      mainLength = id === short ? bytes.readUInt8(at + 1) : bytes.readUInt32LE(at + 1);
      break;
    }
    if (id === origin) at += 3;
    else if (id === topXid) at += 5;
    else {
      const flags = bytes.readUInt8(at + 1);
      payload += bytes.readUInt16LE(at + 2);
      at += 4;
      if ((flags & hasImage) !== 0) {
        payload += bytes.readUInt16LE(at);
        const info = bytes.readUInt8(at + 4);
        at += (info & holeInImage) !== 0 && (info & compressed) !== 0 ? 7 : 5;
      }
      const previous = blocks.at(-1);
      const file = (flags & sameFile) !== 0 && previous ? previous : fileNode(bytes, at);
      if ((flags & sameFile) === 0) at += 12;
      blocks[id] = { space: file.space, database: file.database, node: file.node, block: bytes.readUInt32LE(at) };
      at += 4;
    }
  }
  return { blocks, main: bytes.subarray(bytes.length - mainLength) };
}

/** The part of it that is not about one page, alone: of a record with one page, as most are, the rest is passed over. */
export function mainOf({ bytes }: { readonly bytes: Buffer }, major: number): Buffer {
  const before15 = major < 15;
  if (bytes.length < 44 || bytes.readUInt8(24) > 32) return partsOf(bytes, before15).main;
  const at = nodeAt(bytes, before15) + 16;
  const image = (bytes.readUInt8(25) & hasImage) === 0 ? 0 : bytes.readUInt16LE(28);
  const isNext = bytes.length - at > bytes.readUInt16LE(26) + image && bytes.readUInt8(at) === short;
  return isNext ? bytes.subarray(bytes.length - bytes.readUInt8(at + 1)) : partsOf(bytes, before15).main;
}

/** The file of the first page alone, without taking the record apart: enough to pass over what is not ours. */
export function firstNode(bytes: Buffer, before15: boolean): FileNode | null {
  return bytes.length < 44 || bytes.readUInt8(24) > 32 ? null : fileNode(bytes, nodeAt(bytes, before15));
}

/** Where the first page's file stands, after its head and the image's. */
function nodeAt(bytes: Buffer, before15: boolean): number {
  if ((bytes.readUInt8(25) & hasImage) === 0) return 28;
  const info = bytes.readUInt8(32);
  const compressed = before15 ? 0x02 : 0x1c;
  return (info & holeInImage) !== 0 && (info & compressed) !== 0 ? 35 : 33;
}
