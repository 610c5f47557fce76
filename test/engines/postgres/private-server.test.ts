import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { livingPostmaster } from "../../../src/engines/postgres/server/private-server.ts";
import { startTestServer } from "../../support/postgres.ts";

test("a private server starts, answers in exact text, survives a crash restart and leaves nothing behind", async () => {
  let server = await startTestServer();
  let session = await server.connect("postgres");
  expect(
    await session.row(
      "asking",
      "select 'infinity'::timestamptz as a, 1.10::numeric as b, timestamptz '2026-01-02 03:04:05.678901+00' as c",
    ),
  ).toEqual({
    a: "infinity",
    b: "1.10",
    c: "2026-01-02 03:04:05.678901+00",
  });
  await session.run("making", "create table public.t (id int)");
  await session.close();
  server = await server.restart("immediate");
  session = await server.connect("postgres");
  expect(await session.rows("asking", "select * from public.t")).toEqual([]);
  await session.close();
  expect(livingPostmaster(server.folder)).toBe(server.pid);
  await server.end();
  expect(existsSync(server.folder)).toBe(false);
});
