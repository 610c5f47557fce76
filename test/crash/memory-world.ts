import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { memoryServer } from "../../src/engines/memory/server.ts";
import { badDelete, contentOf } from "../support/memory-bench.ts";
import type { CrashWorld, Seen } from "./world.ts";

const tables = ["public.orders", "public.lines"];

/** A server in memory whose state is a file, so that it outlives the killed process as a real one would. */
export function memoryWorld(): CrashWorld {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-memory-"));
  let file = "";
  let before: Seen = { rows: "", footprint: [] };
  let staged = 0;
  const server = () => memoryServer({ file });
  return {
    engine: "memory",
    run: ["restore-after-bad-delete", "--target", "shop", "--set", "table=public.orders"],
    choices: ["statement=largest", "path=recommended", "triggers=skip"],
    batchRows: 25,
    results: { merge: { inserted: 160, left: 0 } },
    lostValue: "grüße",
    backup: null,
    socket: null,
    memory: () => file,
    stage: async () => {
      staged += 1;
      file = path.join(folder, `server-${staged}.json`);
      before = { rows: badDelete(server(), { rows: 120, taken: 80 }).before.join("\n"), footprint: [] };
    },
    before: () => before,
    now: async () => ({ rows: contentOf(server(), tables).join("\n"), footprint: footprint(file) }),
    markers: async (run) =>
      server().read(({ markers }) =>
        Object.entries(markers ?? {})
          .filter(([name]) => name.startsWith(`${run} `))
          .map(([, { key, done, intentDigest }]) => ({ key, done, intent: intentDigest })),
      ),
    restart: () => Promise.reject(new Error("a server in memory has no process that could crash")),
    end: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

function footprint(file: string): readonly string[] {
  return memoryServer({ file }).read(({ holds, areas, lock, sessions }) => [
    ...Object.keys(holds).map((name) => `held: ${name}`),
    ...Object.keys(areas).map((name) => `area: ${name}`),
    ...(lock !== null && living(sessions[lock.session]) ? [`lock: ${lock.holder}`] : []),
    ...Object.values(sessions)
      .filter(living)
      .map(({ pid }) => `session of process ${pid}`),
  ]);
}

/** A real server lets go of what a dead process's session held; this one does it when it is next spoken to. */
function living(session: { readonly pid: number } | undefined): boolean {
  return session !== undefined && existsSync(`/proc/${session.pid}`);
}
