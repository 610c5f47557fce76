import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readyTargetShape } from "../../src/core/readiness.ts";
import { memoryServer } from "../../src/engines/memory/server.ts";
import { memoryTarget, testAssembly, withMemory } from "../support/assembly.ts";
import { badDelete } from "../support/memory-bench.ts";
import { shell } from "./support.ts";

const config = JSON.stringify({
  targets: { shop: { engine: "postgres", url: "env:DATABASE_URL", environment: "production" } },
});

/** `tables`: those that the config names. */
function aShell(server = memoryServer(), tables: readonly string[] = []) {
  badDelete(server, { rows: 40, taken: 0 });
  const reachable = { ...memoryTarget("production"), tables };
  const made = shell({
    environment: "production",
    parts: {
      workbench: async () => testAssembly({ reachable, seams: withMemory(server), folder: made.folder }).workbench,
    },
  });
  writeFileSync(join(made.folder, "holdfast.yaml"), config, { mode: 0o600 });
  return made;
}

test("says of each table which paths are open, and ends with 0 where each has one", async () => {
  const { code, out, err } = await aShell().run("doctor");
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain("[x] public.orders  1 of 1 path open");
  expect(out).toContain("open while no vacuum and no read comes before the hold.");
  expect(out).toContain("READY: each of 2 tables has an open path.");
});

test("looks at the tables that are named: by the flag first, else by the config", async () => {
  const here = aShell(memoryServer(), ["public.lines"]);
  const tablesIn = async (...args: string[]) => {
    const { out } = await here.run("doctor", "--json", ...args);
    return readyTargetShape.parse(JSON.parse(out)).found?.tables.map(({ table }) => table);
  };
  expect(await tablesIn()).toEqual(["public.lines"]);
  expect(await tablesIn("shop", "--table", "public.orders")).toEqual(["public.orders"]);
});

test("--json prints one line of the closed shape for a target, and nothing else", async () => {
  const { code, out } = await aShell().run("doctor", "shop", "--json");
  expect(code).toBe(0);
  expect(out.trimEnd().split("\n")).toHaveLength(1);
  expect(readyTargetShape.parse(JSON.parse(out))).toMatchObject({ target: "shop", ready: true, fault: null });
});

test("ends with 18 where a table has no open path, be it that it is not there", async () => {
  const { code, out } = await aShell().run("doctor", "--table", "public.ordres", "--table", "orders");
  expect(code).toBe(18);
  expect(out).toMatch(/\[!\] public\.ordres: .*\[x\] public\.orders /s);
  expect(out).toContain("NOT READY: 1 of 2 tables has no open path.");
});

test("ends with 11 where the target can't be reached, with why, in lines and in JSON", async () => {
  const server = memoryServer();
  const here = aShell(server);
  server.down = true;
  const plain = await here.run("doctor");
  expect(plain).toMatchObject({ code: 11, out: expect.stringMatching(/\[!\] HF-\S+ {2}\w/) });
  const json = await here.run("doctor", "--json");
  expect(json.code).toBe(11);
  expect(readyTargetShape.parse(JSON.parse(json.out))).toMatchObject({ ready: false, found: null });
});

test("a target that the config lacks is refused with those that it has", async () => {
  expect(await aShell().run("doctor", "shpo")).toMatchObject({
    code: 3,
    out: "",
    err: expect.stringMatching(/HF-TARGET-UNKNOWN.*It has: shop/s),
  });
});

test("its help has an example that can be run", async () => {
  const { out } = await aShell().run("doctor", "--help");
  expect(out).toContain("holdfast doctor shop --table public.orders");
});
