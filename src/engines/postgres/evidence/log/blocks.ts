import { type FileNode, fileNode } from "./file-node.ts";

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

/** The part of it that is not about one page, alone. */
export function mainOf({ bytes }: { readonly bytes: Buffer }, major: number): Buffer {
  return partsOf(bytes, major < 15).main;
}

/** The file of the first page alone, without taking the record apart: enough to pass over what is not ours. */
export function firstNode(bytes: Buffer, before15: boolean): FileNode | null {
  if (bytes.length < 44 || bytes.readUInt8(24) > 32) return null;
  const flags = bytes.readUInt8(25);
  if ((flags & hasImage) === 0) return fileNode(bytes, 28);
  const info = bytes.readUInt8(32);
  const compressed = before15 ? 0x02 : 0x1c;
  return fileNode(bytes, (info & holeInImage) !== 0 && (info & compressed) !== 0 ? 35 : 33);
}
