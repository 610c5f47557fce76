import { canonicalJson } from "../../../core/json.ts";
import type { Prepare } from "../../marker.ts";
import type { Connection } from "../connection.ts";
import type { MysqlTarget } from "../target.ts";

/** Sessions for effects, kept from one transaction to the next of the same settings; one that failed is closed and never kept. */
export interface MarkedSessions {
  take(prepare: Prepare): Promise<Connection>;
  giveBack(prepare: Prepare, session: Connection): void;
  drop(session: Connection): Promise<void>;
  /** The server's numbers of those that are taken now. */
  busy(): readonly number[];
}

export function markedSessions(target: MysqlTarget): MarkedSessions {
  const idle = new Map<string, Connection[]>();
  const taken = new Set<Connection>();
  const ended = new WeakSet<Connection>();
  const fresh = async (prepare: Prepare) => {
    const seconds = Math.max(1, Math.ceil(target.request.limits.lockTimeoutMs / 1000));
    const limits = { lock_wait_timeout: seconds, innodb_lock_wait_timeout: seconds };
    const session = await target.open("writing", { ...limits, ...prepare });
    session.onEnd(() => ended.add(session));
    return session;
  };
  return {
    busy: () => [...taken].map((session) => session.id),
    drop: (session) => {
      taken.delete(session);
      return session.close();
    },
    take: async (prepare) => {
      const key = canonicalJson(prepare);
      const kept = (idle.get(key) ?? []).filter((one) => !ended.has(one));
      idle.set(key, kept.slice(1));
      const session = kept[0] ?? (await fresh(prepare));
      taken.add(session);
      return session;
    },
    giveBack: (prepare, session) => {
      taken.delete(session);
      const key = canonicalJson(prepare);
      idle.set(key, [...(idle.get(key) ?? []), session]);
    },
  };
}
