import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fault } from "../../../src/core/errors.ts";
import { Secret } from "../../../src/core/secret.ts";
import { type Connection, connect } from "../../../src/engines/postgres/connection.ts";
import { identity } from "../../../src/engines/postgres/identity.ts";
import { markerDdl } from "../../../src/engines/postgres/marker/table.ts";
import { startTestServer, type TestServer } from "../../support/postgres.ts";
import { aRun, marked } from "./marker-support.ts";

let server: TestServer;
let admin: Connection;
beforeAll(async () => {
  server = await startTestServer();
  admin = await server.connect("postgres");
});
afterAll(async () => {
  await admin?.close();
  await server?.end();
});

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "nothing",
    (error: unknown) => (error instanceof Fault ? error.record.code : String(error)),
  );

describe("a schema holdfast that another role made first", () => {
  const planted = `
    create table public.loot (what text);
    create function public.steal() returns uuid language plpgsql as
      $$ begin insert into public.loot values (current_setting('is_superuser')); return gen_random_uuid(); end $$;
    create function public.steal_row() returns trigger language plpgsql as $$ begin perform public.steal(); return new; end $$;
    create schema holdfast;`;
  const effectAs = markerDdl.find((sql) => sql.includes("holdfast.effect")) ?? "";
  const installationAs = markerDdl.find((sql) => sql.includes("exists holdfast.installation")) ?? "";
  const triggerOn =
    "create trigger t before insert on holdfast.effect for each row execute function public.steal_row()";

  async function plant(name: string, statements: readonly string[]) {
    await admin.run("making", `create database ${name}`);
    const url = server.url(name);
    await admin.run("making a role", "drop role if exists mallory");
    await admin.run("making a role", "create role mallory login");
    await admin.run("giving", `alter database ${name} owner to mallory`);
    const thief = await connect({
      url: new Secret(url.reveal().replace("postgres@", "mallory@")),
      application: "t",
      effect: "writing",
    });
    for (const sql of [...planted.split(/;\s*\n/).filter((one) => one.trim() !== ""), ...statements])
      await thief.run("planting", sql);
    await thief.close();
    const { target, marker } = await marked(url);
    const session = await target.catalogue();
    const loot = () => session.rows("looking", "select what from public.loot");
    const end = async () => {
      await target.close();
      await admin.run("dropping", `drop database ${name} with (force)`);
      await admin.run("dropping", "drop role mallory");
    };
    return { target, marker, loot, end };
  }

  test.each([
    ["empty", []],
    [
      "with a view in place of the installation row",
      ["create view holdfast.installation as select true as only_one, public.steal() as id, now() as made"],
    ],
    ["with tables as ours, and a trigger", [effectAs, installationAs, triggerOn]],
  ])("%s is barred, named with its owner, and none of its code runs with our rights", async (_what, statements) => {
    const { target, marker, loot, end } = await plant("planted", statements);
    try {
      expect((await identity(target)).facts.map((fact) => fact.name)).not.toContain("installation");
      expect(await marker.state()).toEqual({ kind: "barred", why: expect.stringContaining("belongs to mallory") });
      expect(await codeOf(marker.create())).toBe("HF-MARKER-BARRED");
      if (statements.includes(effectAs)) expect(await codeOf(marker.read(aRun(), "x"))).toBe("HF-MARKER-BARRED");
      expect(await loot()).toEqual([]);
    } finally {
      await end();
    }
  });

  test("given to a superuser with its trigger still on it, it is barred too; moved away, it is not", async () => {
    const { target, marker, loot, end } = await plant("handed", [effectAs, installationAs, triggerOn]);
    try {
      const session = await target.open("writing");
      for (const what of ["schema holdfast", "table holdfast.effect", "table holdfast.installation"])
        await session.run("giving", `alter ${what} owner to postgres`);
      const state = await marker.state();
      expect(state).toEqual({ kind: "barred", why: expect.stringContaining("no plain table") });
      await session.run(
        "moving it away",
        state.kind === "barred" ? (/ALTER SCHEMA [^;]+;/.exec(state.why)?.[0] ?? "") : "",
      );
      await marker.create();
      expect(await marker.state()).toEqual({ kind: "present" });
      expect(await loot()).toEqual([]);
    } finally {
      await end();
    }
  });
});
