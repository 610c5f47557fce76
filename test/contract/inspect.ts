import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compareIdentity } from "../../src/core/target.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { type Bench, type MakeBench, offered } from "./bench.ts";

export function inspectContract(name: string, makeBench: MakeBench): void {
  describe(`${name}: looking at the server`, () => {
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
    const inspect = () => offered(engine.capabilities.inspect);

    test("says the same of itself to every session", async () => {
      const other = await bench.connect({ run: bench.otherRun });
      expect(compareIdentity(await engine.identity(), await other.identity())).toEqual({ kind: "same" });
      await other.close();
    });

    test("says another thing of another server", async () => {
      const elsewhere = await makeBench();
      const other = await elsewhere.connect();
      expect((await engine.identity()).facts.some((fact) => fact.kind === "self")).toBe(true);
      expect(compareIdentity(await engine.identity(), await other.identity())).not.toEqual({ kind: "same" });
      await other.close();
      await elsewhere.close();
    });

    test("finds a table by its name, with or without its schema", async () => {
      const { table } = await bench.incident({ rows: 3, taken: 1 });
      expect(await inspect().resolveTable(table)).toBe(table);
    });

    test("says which names there are when one is unknown", async () => {
      await bench.incident({ rows: 3, taken: 1 });
      await expect(inspect().resolveTable("public.no_such_table")).rejects.toMatchObject({
        record: { code: "HF-TABLE-UNKNOWN", hint: expect.stringMatching(/\w/) },
      });
    });

    test("suggests tables whose name contains what was written", async () => {
      const { table, child } = await bench.incident({ rows: 3, taken: 1 });
      const suggested = await inspect().suggestTables("");
      expect(suggested.map((fact) => fact.table)).toEqual(expect.arrayContaining([table, child]));
      expect(await inspect().suggestTables("no_such_table")).toEqual([]);
    });

    test("closes twice without a word", async () => {
      await engine.close();
      await engine.close();
    });
  });
}
