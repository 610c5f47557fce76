import { Fault } from "../../core/errors.ts";
import type { Inspect, TableFact, TableName } from "../inspect.ts";
import type { Connection } from "./connection.ts";
import type { MemoryState } from "./state.ts";

const suggested = 50;

export function memoryInspect({ server, assertAlive }: Connection): Inspect {
  return {
    resolveTable: async (written) => {
      assertAlive();
      const names = server.read((state) => Object.keys(state.tables));
      const found = names.find((name) => name === written) ?? names.find((name) => name === `public.${written}`);
      if (found !== undefined) return found;
      throw new Fault("HF-TABLE-UNKNOWN", "The server has no table of that name.", {
        exit: "input",
        hint: names.length === 0 ? "It has no table at all." : `It has ${names.toSorted().slice(0, 5).join(", ")}.`,
      });
    },
    suggestTables: async (text) => {
      assertAlive();
      const facts = server.read((state) => Object.keys(state.tables).map((name) => factOf(state, name)));
      return facts
        .filter(({ table }) => table.toLowerCase().includes(text.toLowerCase()))
        .toSorted((a, b) => b.bytes - a.bytes)
        .slice(0, suggested);
    },
    survey: async () => {
      assertAlive();
      const barred = server.read((state) => state.barred);
      return barred === null ? [] : [{ level: "warn", text: barred }];
    },
  };
}

/** A row counts for 100 bytes: nothing here is measured. */
export function factOf(state: MemoryState, name: TableName): TableFact {
  const table = state.tables[name];
  const rows = Object.keys(table?.rows ?? {}).length;
  return { table: name, aboutRows: rows, bytes: (rows + (table?.dead.length ?? 0)) * 100 };
}
