import { Fault } from "../../core/errors.ts";
import type { Transaction } from "../engine.ts";
import type { Connection } from "./connection.ts";
import type { MemoryState } from "./state.ts";

/** Changes that wait for their COMMIT; nobody else sees them before. */
export interface OpenTransaction {
  readonly xid: number;
  /** The state as this transaction sees it. */
  readonly draft: MemoryState;
  change<T>(work: (state: MemoryState) => T): T;
}

export interface Transactions {
  /** The open transaction behind a handle; a bug where the handle is another engine's or of one that has ended. */
  of(handle: Transaction): OpenTransaction;
  run<R>(key: string, work: (tx: OpenTransaction, handle: Transaction) => Promise<R>): Promise<R>;
  cancel(): void;
}

/** `assertLocked` is asked before the first and after the last statement: without the target lock nothing is committed. */
export function transactions(connection: Connection, assertLocked: () => void): Transactions {
  const open = new WeakMap<Transaction, OpenTransaction>();
  let cancelled: (() => void) | null = null;
  return {
    of: (handle) => {
      const tx = open.get(handle);
      if (tx === undefined) throw new Error("this transaction is not open on this connection");
      return tx;
    },
    run: (key, work) =>
      connection.server.exclusive(async () => {
        assertLocked();
        const { tx, commit } = begin(connection);
        const handle: Transaction = { marked: true };
        let isCancelled = false;
        cancelled = () => (isCancelled = true);
        open.set(handle, tx);
        try {
          const result = await work(tx, handle);
          if (isCancelled) throw rolledBack("HF-MEMORY-CANCELLED", "The statement was cancelled.");
          assertLocked();
          commit(key);
          return result;
        } finally {
          open.delete(handle);
          cancelled = null;
        }
      }),
    cancel: () => cancelled?.(),
  };
}

function begin({ server, request }: Connection): { tx: OpenTransaction; commit: (key: string) => void } {
  const xid = server.change((state) => state.nextXid++);
  const draft = structuredClone(server.read((state) => state));
  const changes: ((state: MemoryState) => unknown)[] = [];
  const tx: OpenTransaction = {
    xid,
    draft,
    change: (work) => {
      changes.push(work);
      return work(draft);
    },
  };
  const commit = (key: string) => {
    if (server.takeFault("rolled-back", key))
      throw rolledBack("HF-MEMORY-DEADLOCK", "The server chose this transaction to end a deadlock.");
    request.reached("commit.before");
    if (server.takeFault("before-commit", key)) throw lostAtCommit();
    server.change((state) => {
      replay(changes, state);
      state.commits[xid] = { at: new Date(request.clock.now()).toISOString(), who: "holdfast" };
    });
    request.reached("commit.after");
    if (server.takeFault("after-commit", key)) throw lostAtCommit();
  };
  return { tx, commit };
}

/** On the state as it is by now; what others did meanwhile may stand against it, and then nothing of it stays. */
function replay(changes: readonly ((state: MemoryState) => unknown)[], state: MemoryState): void {
  try {
    for (const change of changes) change(state);
  } catch {
    throw rolledBack("HF-MEMORY-CONFLICT", "Another transaction changed the same rows.");
  }
}

function rolledBack(code: string, message: string): Fault {
  return new Fault(code, message, {
    after: "rolled-back",
    passing: true,
    still: "It was rolled back; nothing of it stays.",
  });
}

function lostAtCommit(): Fault {
  return new Fault("HF-MEMORY-CONN-LOST", "The connection was lost before the answer to COMMIT came.", {
    after: "unknown",
    exit: "unknown",
    hint: "The marker on the target tells what happened: resume.",
  });
}
