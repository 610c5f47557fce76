import type { Connection } from "../../connection.ts";
import { Fault } from "../../../../core/errors.ts";
import { eachMultixact } from "./layout.ts";
import type { Pages } from "./read.ts";

/** Several transactions in one xmax. Asks the server who of them deleted or updated the row; remembers the answers. */
export interface Multixacts {
  /** Must be awaited for pages before `deleter` is asked about them. */
  learn(pages: Pages): Promise<void>;
  learnIds(ids: Iterable<number>): Promise<void>;
  /** 32 bits; 0 = nobody (locks only); null = the server no longer knows. */
  deleter(multi: number): number | null;
}

export function multixacts(connection: Connection): Multixacts {
  const known = new Map<number, number | null>();
  const learnIds = async (ids: Iterable<number>) => {
    for (const id of new Set(ids)) if (!known.has(id)) known.set(id, await updaterOf(connection, id));
  };
  return {
    learnIds,
    learn: async ({ pages }) => {
      const ids = new Set<number>();
      for (const page of pages) eachMultixact(page, (multi) => ids.add(multi));
      if (ids.size > 0) await learnIds(ids);
    },
    deleter: (multi) => known.get(multi) ?? null,
  };
}

async function updaterOf(connection: Connection, multi: number): Promise<number | null> {
  const sql = `SELECT xid::text FROM pg_catalog.pg_get_multixact_members($1::text::xid) WHERE mode IN ('upd', 'nokeyupd')`;
  try {
    const [member] = await connection.rows("asking who is behind a multixact", sql, [String(multi)]);
    return member?.xid == null ? 0 : Number(member.xid);
  } catch (error) {
    // The server forgets multixacts that no table can hold any more ("does no longer exist").
    if (error instanceof Fault && error.record.code === "HF-PG-XX000") return null;
    throw error;
  }
}
