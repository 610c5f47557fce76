import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readyServerShape } from "../../src/core/readiness.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { type Bench, type MakeBench, offered, unwatched } from "./bench.ts";

export function readinessContract(name: string, makeBench: MakeBench): void {
  describe(`${name}: what could be brought back`, () => {
    let bench: Bench;
    let engine: Engine;
    beforeEach(async () => {
      bench = await makeBench();
      engine = await bench.connect();
    });
    afterEach(async () => {
      await engine.close();
      await bench.close();
    });
    const look = (tables: readonly string[], most = 10) =>
      offered(engine.capabilities.readiness).look({ tables, most }, unwatched());

    test("is the closed shape, names the table as the server does, and what a DELETE takes with it", async () => {
      const { table, child } = await bench.incident({ rows: 3, taken: 0 });
      const found = readyServerShape.parse(await look([table]));
      expect(found.tables).toMatchObject([{ table, with: [child], open: true, unknown: null }]);
      expect(found.server).toMatch(/\w/);
      expect(found.role).toMatch(/\w/);
    });

    test("is of the largest tables where none is named, and of no more than were asked for", async () => {
      const { table, child } = await bench.incident({ rows: 3, taken: 0 });
      expect((await look([])).tables.map((one) => one.table).toSorted()).toEqual([child, table]);
      expect((await look([], 1)).tables).toHaveLength(1);
    });

    test("a table that is not there is listed as that, and hides none of the others", async () => {
      const { table } = await bench.incident({ rows: 3, taken: 0 });
      const { tables } = await look(["public.no_such_table", table]);
      expect(tables).toMatchObject([
        { table: "public.no_such_table", open: false, unknown: expect.stringMatching(/\w/), paths: [] },
        { table, open: true },
      ]);
    });

    test("changes nothing, and takes nothing that the incident would leave to be found", async () => {
      let said: readonly string[] = [];
      const incident = await bench.incident({
        rows: 8,
        taken: 5,
        before: async () => {
          const [found] = (await look([incidentTable])).tables;
          said = (found?.paths ?? []).filter(({ open }) => open).map(({ path }) => path);
        },
      });
      // Asked again with the rows dead: a read of the table would prune them.
      await look([incident.table]);
      const evidence = offered(engine.capabilities.evidence);
      const { tables } = await evidence.examine(incident.table);
      for (const part of await evidence.freeze(incident.table, { run: bench.run, lockTable: false })) await part.take();
      const query = { table: incident.table, tables: tables.map((one) => one.table) };
      const [statement] = (await evidence.search(query, unwatched())).statements;
      expect(statement?.rows).toBe(incident.taken);
      const paths = statement ? await evidence.paths(statement, unwatched()) : [];
      const open = paths.filter(({ feasible, rescues }) => feasible && rescues).map(({ path }) => path);
      expect(said).toEqual(open);
      expect(open.length).toBeGreaterThan(0);
    });
  });
}

/** As every bench calls it. */
const incidentTable = "public.orders";
