import { newRunId } from "../../src/core/ids.ts";
import { Secret } from "../../src/core/secret.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { ConnectRequest, Engine } from "../../src/engines/engine.ts";
import { memory } from "../../src/engines/memory/memory.ts";
import { type MemoryServer, memoryServer } from "../../src/engines/memory/server.ts";
import { byKey, type Row } from "../../src/engines/memory/state.ts";
import { createTable, insert, remove, vacuum } from "../../src/engines/memory/traffic.ts";
import { type Bench, type Incident, type IncidentSize, nasty } from "../contract/bench.ts";
import { limitsWith } from "./limits.ts";

export function memoryRequest(changes: Partial<ConnectRequest> = {}): ConnectRequest {
  return {
    target: { name: "shop", engine: "memory", environment: "sandbox", database: "shop" },
    url: new Secret("memory:"),
    session: { run: newRunId(Date.now()), person: "ops@bastion" },
    machine: { scratch: "/nonexistent", serverBinaries: {} },
    limits: limitsWith(),
    clock: systemClock,
    reached: () => undefined,
    ...changes,
  };
}

export async function memoryBench(server = memoryServer()): Promise<Bench & { readonly server: MemoryServer }> {
  const [run, otherRun] = [newRunId(1), newRunId(2)];
  return {
    server,
    run,
    otherRun,
    connect: (as = {}): Promise<Engine> =>
      memory(server).connect(memoryRequest({ session: { run: as.run ?? run, person: as.person ?? "ops@bastion" } })),
    incident: async (size) => {
      const goWrong = filledShop(server, size);
      await size.before?.();
      return goWrong();
    },
    endLockSession: async () => server.change((state) => void (state.lock = null)),
    close: async () => undefined,
  };
}

/** `public.orders` with `public.lines` hanging on it, and a DELETE that took the first of both. */
export function badDelete(server: MemoryServer, size: IncidentSize): Incident {
  return filledShop(server, size)();
}

function filledShop(server: MemoryServer, { rows, taken }: IncidentSize): () => Incident {
  const [table, child] = ["public.orders", "public.lines"];
  createTable(server, table, { columns: ["id", "note"] });
  createTable(server, child, {
    columns: ["id", "order_id", "note"],
    parents: [{ column: "order_id", table, cascade: true }],
  });
  const ids = Array.from({ length: rows }, (_, at) => String(at + 1));
  const noteOf = (id: string) => nasty[Number(id) % nasty.length] ?? null;
  insert(
    server,
    table,
    ids.map((id): Row => ({ id, note: noteOf(id) })),
  );
  insert(
    server,
    child,
    ids.map((id): Row => ({ id: String(1000 + Number(id)), order_id: id, note: noteOf(id) })),
  );
  const before = contentOf(server, [table, child]);
  return () => {
    remove(server, table, ids.slice(0, taken), { who: "admin-shell" });
    return {
      table,
      child,
      taken: taken * 2,
      before,
      remake: async (id) => void insert(server, table, [{ id: String(id), note: "made again" }]),
      remove: async (id) => void remove(server, table, [String(id)]),
      vacuum: async () => [table, child].forEach((name) => vacuum(server, name)),
      content: async () => contentOf(server, [table, child]),
    };
  };
}

/** Looks past the tables' own rules: reading a table in memory prunes it, and an onlooker must not. */
export function contentOf(server: MemoryServer, names: readonly string[]): readonly string[] {
  return server.read((state) =>
    names.flatMap((name) =>
      Object.entries(state.tables[name]?.rows ?? {})
        .toSorted(([a], [b]) => byKey(a, b))
        .map(([, version]) => `${name} ${JSON.stringify(version.row)}`),
    ),
  );
}
