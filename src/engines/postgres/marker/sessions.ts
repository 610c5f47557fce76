import { canonicalJson } from "../../../core/json.ts";
import type { Prepare } from "../../marker.ts";
import type { Connection } from "../connection.ts";
import type { PostgresTarget } from "../target.ts";

/** Sessions for effects, kept from one transaction to the next of the same settings; one that failed is closed and never kept. */
export interface MarkedSessions {
  take(prepare: Prepare): Promise<Connection>;
  giveBack(prepare: Prepare, session: Connection): void;
  drop(session: Connection): Promise<void>;
  /** Process ids of those that are taken now. */
  busy(): readonly number[];
}

export function markedSessions(target: PostgresTarget): MarkedSessions {
  let kept: readonly { readonly settings: string; readonly session: Connection }[] = [];
  const taken = new Set<Connection>();
  const ended = new WeakSet<Connection>();
  const find = async (prepare: Prepare) => {
    const found = kept.find(({ settings, session }) => settings === settingsKey(prepare) && !ended.has(session));
    const others = found === undefined ? kept : [];
    kept = kept.filter((one) => one !== found && !others.includes(one));
    if (found !== undefined) return found.session;
    await Promise.all(others.map(({ session }) => session.close()));
    const fresh = await freshSession(target, prepare);
    fresh.client.once("end", () => ended.add(fresh));
    return fresh;
  };
  return {
    busy: () => [...taken].map((session) => session.pid),
    drop: (session) => {
      taken.delete(session);
      return session.close();
    },
    take: async (prepare) => {
      const session = await find(prepare);
      taken.add(session);
      return session;
    },
    giveBack: (prepare, session) => {
      taken.delete(session);
      kept = [...kept, { settings: settingsKey(prepare), session }];
    },
  };
}

function settingsKey(prepare: Prepare): string {
  return canonicalJson(prepare);
}

async function freshSession(target: PostgresTarget, prepare: Prepare): Promise<Connection> {
  const { lockTimeoutMs, statementTimeoutMs } = target.request.limits;
  const limits = { lock_timeout: `${lockTimeoutMs}ms`, statement_timeout: `${statementTimeoutMs}ms` };
  const session = await target.open("writing", limits);
  try {
    await session.row("asking for acknowledged commits", durable);
    for (const [name, value] of Object.entries(prepare))
      await session.row("preparing the session", "select set_config($1, $2, false)", [name, value]);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** An acknowledged COMMIT must outlive a crash of the server, whatever the role's default is; a stronger one is left alone. */
const durable = `select set_config('synchronous_commit',
  case when current_setting('synchronous_commit') in ('off', 'local') then 'on' else current_setting('synchronous_commit') end, false)`;
