/** Versions that the statement ended and that stand on their pages: who ended each, by place. Four bytes a version. */
export interface SeenVersions {
  add(block: number, offset: number, xid: number): void;
  has(at: number, xid: number): boolean;
}

export function seenVersions(): SeenVersions {
  const blocks = new Map<number, Uint32Array>();
  return {
    add: (block, offset, xid) => {
      const known = blocks.get(block);
      if (known && offset < known.length) return void (known[offset] = xid);
      const wider = new Uint32Array(Math.ceil((offset + 1) / 32) * 32);
      if (known) wider.set(known);
      wider[offset] = xid;
      blocks.set(block, wider);
    },
    has: (at, xid) => blocks.get(Math.floor(at / 0x10000))?.[at % 0x10000] === xid,
  };
}
