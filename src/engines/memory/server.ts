import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Watch } from "../engine.ts";
import { emptyState, type MemoryState } from "./state.ts";

/** What goes wrong once at the next commit whose marker key is `key` (or begins with it and a colon; no key: any). */
export interface PlannedFault {
  /** `before-commit` and `after-commit` lose the connection, so that nobody knows; `rolled-back` is the server's own word. */
  readonly when: "rolled-back" | "before-commit" | "after-commit";
  readonly key?: string;
}

/**
 * A small database server inside the process, for every test that needs a target and not its quirks. With a file its state outlives the
 * process, as a real server's would: each change is in the file before the call returns.
 */
export interface MemoryServer {
  /** Where it was reached. */
  readonly place: string;
  read<T>(look: (state: MemoryState) => T): T;
  /** All of it or, when `work` throws, nothing. */
  change<T>(work: (state: MemoryState) => T): T;
  /** One writing transaction after the other. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  readonly faults: PlannedFault[];
  takeFault(when: PlannedFault["when"], key: string): boolean;
  /** Nobody can connect, and those who are connected are cut off. */
  down: boolean;
  /** What making a clone from the backup waits for: it takes no time unless a test says so. */
  cloning: (watch: Watch) => Promise<void>;
}

export function memoryServer({ file, database = "shop" }: { file?: string; database?: string } = {}): MemoryServer {
  const store = file === undefined ? inProcess(database) : inFile(file, database);
  const faults: PlannedFault[] = [];
  let queue: Promise<unknown> = Promise.resolve();
  return {
    place: file ?? `process ${process.pid}`,
    faults,
    down: false,
    cloning: () => Promise.resolve(),
    read: (look) => look(store.load()),
    change: (work) => {
      const draft = structuredClone(store.load());
      const result = work(draft);
      store.save(draft);
      return result;
    },
    exclusive: (work) => {
      const mine = queue.then(work);
      queue = mine.catch(() => undefined);
      return mine;
    },
    takeFault: (when, key) => {
      const at = faults.findIndex((fault) => fault.when === when && isFor(fault, key));
      if (at >= 0) faults.splice(at, 1);
      return at >= 0;
    },
  };
}

function isFor(fault: PlannedFault, key: string): boolean {
  return fault.key === undefined || fault.key === key || key.startsWith(`${fault.key}:`);
}

interface Store {
  load(): MemoryState;
  save(state: MemoryState): void;
}

function inProcess(database: string): Store {
  let kept = emptyState(database);
  return { load: () => kept, save: (state) => void (kept = state) };
}

/** Renamed into place: a reader sees the state before or after a change, never half of it. */
function inFile(file: string, database: string): Store {
  const save = (state: MemoryState) => {
    writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  if (!existsSync(file)) save(emptyState(database));
  return { load: () => JSON.parse(readFileSync(file, "utf8")) as MemoryState, save };
}
