import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { memoryServer } from "../../src/engines/memory/server.ts";
import { badDelete, contentOf } from "../support/memory-bench.ts";
import type { CrashWorld } from "./harness.ts";

const tables = ["public.orders", "public.lines"];

/** A server in memory whose state is a file, so that it outlives the killed process as a real one would. */
export function memoryWorld(): CrashWorld {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-memory-"));
  let file = "";
  let before: readonly string[] = [];
  let staged = 0;
  return {
    engine: "memory",
    table: "public.orders",
    batchRows: 25,
    url: () => `memory://${file}`,
    stage: async () => {
      staged += 1;
      file = path.join(folder, `server-${staged}.json`);
      before = badDelete(memoryServer({ file }), { rows: 120, taken: 80 }).before;
    },
    wrong: async () => {
      const server = memoryServer({ file });
      const content = contentOf(server, tables);
      const { holds, areas } = server.read((state) => state);
      return [
        ...(JSON.stringify(content) === JSON.stringify(before)
          ? []
          : [`rows differ: ${before.length} before, ${content.length} now`]),
        ...Object.keys(holds).map((name) => `still held: ${name}`),
        ...Object.keys(areas).map((name) => `still there: ${name}`),
      ];
    },
    end: async () => rmSync(folder, { recursive: true, force: true }),
  };
}
