import { Fault } from "../../core/errors.ts";
import type { Lock } from "../lock.ts";
import { type Connection, endSession, forgetDead } from "./connection.ts";

/** Fault unless this session holds the lock. */
export function assertLocked({ id, server, assertAlive }: Connection): void {
  assertAlive();
  if (server.read((state) => state.lock?.session === id)) return;
  throw new Fault("HF-LOCK-LOST", "The lock on the target is not held by this run.", {
    exit: "busy",
    still: "Nothing was written without it.",
    hint: "Resume: the lock is taken again, or its holder is named.",
  });
}

export function memoryLock(connection: Connection): Lock {
  const { id, server, request } = connection;
  return {
    acquire: async () => {
      connection.assertAlive();
      return server.change((state) => {
        forgetDead(state);
        if (state.lock !== null && state.lock.session !== id) return { kind: "busy", holder: state.lock.holder };
        state.lock = { session: id, holder: `${request.session.person}, run ${request.session.run}` };
        return { kind: "held" };
      });
    },
    assertHeld: async () => assertLocked(connection),
    release: async () =>
      server.change((state) => {
        if (state.lock?.session === id) state.lock = null;
      }),
    orphans: async (run) =>
      server.change((state) => {
        forgetDead(state);
        return Object.entries(state.sessions)
          .filter(([session, one]) => session !== id && one.run === run)
          .map(([session, { doing, since }]) => ({ session, doing, since }));
      }),
    endOrphans: async (run) =>
      server.change((state) => {
        const others = Object.entries(state.sessions).filter(([session, one]) => session !== id && one.run === run);
        for (const [session] of others) endSession(state, session);
        return others.length;
      }),
  };
}
