import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "../../../../src/core/secret.ts";
import { headStarts } from "../../../../src/engines/head-starts.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { evidence } from "../../../../src/engines/postgres/evidence.ts";
import { postgresTarget } from "../../../../src/engines/postgres/target.ts";
import { requestTo } from "../../../support/request.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";

let server: TestServer;
let sql: Connection;
beforeAll(async () => {
  server = await startTestServer();
  sql = await server.connect("postgres");
  await sql.client.query(
    "create role clerk login; create table public.t (id int primary key, note text); insert into public.t select n, 'x' from generate_series(1, 1000) n; analyze public.t",
  );
});
afterAll(async () => {
  await sql.close();
  await server.end();
});

test("a role that may not ask for a file's size sees the tables and their size all the same", async () => {
  const url = new Secret(server.url("postgres").reveal().replace("postgres@", "clerk@"));
  const target = postgresTarget(requestTo(server, "postgres", { url }));
  const { tables } = await evidence(target, headStarts()).examine("public.t");
  expect(tables).toMatchObject([{ table: "public.t" }]);
  expect(tables[0]?.bytes).toBeGreaterThanOrEqual(8192);
  await target.close();
});
