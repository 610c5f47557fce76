import { pageSize } from "../pages/layout.ts";
import type { RelationFile } from "../transplant/relation-file.ts";
import { revive } from "../transplant/revive.ts";
import type { TupleBytes } from "./tuples.ts";

/** Tuples on fresh pages, one after the other, behind whatever the file holds already. */
export interface Packer {
  /** Its line pointer's place in the file. */
  add(tuple: TupleBytes): number;
  /** Takes it out again. */
  remove(pointer: number): void;
  /** Writes the last page; nothing may be added any more. */
  end(): void;
}

const [pageHeader, linePointer, tupleAlign] = [24, 4, 8];
const frozenXid = 2;

export function packer(file: RelationFile): Packer {
  let page = freshPage();
  /** The page is written when it is full; until then its place is known, since nothing else is written meanwhile. */
  let at = file.size();
  const room = () => page.readUInt16LE(14) - page.readUInt16LE(12);
  const close = () => {
    if (page.readUInt16LE(12) === pageHeader) return;
    file.append(page);
    at = file.size();
    page = freshPage();
  };
  return {
    add: (tuple) => {
      const bytes = Math.ceil(tuple.length / tupleAlign) * tupleAlign;
      if (room() < bytes + linePointer) close();
      return at + put(page, tuple, bytes);
    },
    remove: (pointer) => {
      if (pointer >= at) page.writeUInt32LE(0, pointer - at);
      else file.clearPointer(pointer);
    },
    end: close,
  };
}

function freshPage(): Buffer {
  const page = Buffer.alloc(pageSize);
  page.writeUInt16LE(pageHeader, 12);
  page.writeUInt16LE(pageSize, 14);
  page.writeUInt16LE(pageSize, 16);
  page.writeUInt16LE(pageSize | 4, 18); // the layout's version
  return page;
}

/** A row that was made long ago, that nobody deleted, and that no other version follows. */
function put(page: Buffer, tuple: TupleBytes, bytes: number): number {
  const pointer = page.readUInt16LE(12);
  const row = page.readUInt16LE(14) - bytes;
  tuple.copy(page, row);
  page.writeUInt32LE(frozenXid, row);
  page.writeUInt32LE(0, row + 8);
  page.writeUInt32LE(0xffffffff, row + 12);
  page.writeUInt16LE(0, row + 16);
  revive(page, { row });
  page.writeUInt32LE((row | (1 << 15) | (tuple.length << 17)) >>> 0, pointer);
  page.writeUInt16LE(pointer + linePointer, 12);
  page.writeUInt16LE(row, 14);
  return pointer;
}
