import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "../../../src/core/secret.ts";
import { connect, newClient } from "../../../src/engines/postgres/connection.ts";
import { postgresFault } from "../../../src/engines/postgres/errors.ts";
import { startTestServer, type TestServer } from "../../support/postgres.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.end());

test("what a URL says of settings and of who we are does not win over what must hold", async () => {
  const theirs =
    "options=-c%20search_path%3Dpublic%20-c%20DateStyle%3DGerman%20-c%20lc_monetary%3DC.UTF-8%20-c%20work_mem%3D7MB&application_name=somebody";
  const url = new Secret(`${server.url("postgres").reveal()}&${theirs}`);
  const session = await connect({ url, application: "holdfast:run:ops", effect: "reading" });
  const found = await session.row(
    "asking",
    `select current_setting('search_path') as path, current_setting('DateStyle') as style, current_setting('lc_monetary') as money,
      current_setting('work_mem') as memory, current_setting('application_name') as name`,
  );
  await session.close();
  expect(found).toEqual({ path: "pg_catalog", style: "ISO, YMD", money: "C", memory: "7MB", name: "holdfast:run:ops" });
});

test("words that a user's function raised, and values that a constraint names, stay out of a fault", async () => {
  const session = await server.connect("postgres");
  await session.client.query("create table public.t (id int primary key); insert into public.t values (4711)");
  const raised = await session
    .run("raising", "do $$begin raise exception 'row 4711 says no'; end$$")
    .catch((e: unknown) => e);
  const twice = await session.run("inserting", "insert into public.t values (4711)").catch((e: unknown) => e);
  await session.close();
  for (const error of [raised, twice])
    expect(JSON.stringify((error as { record: unknown }).record)).not.toContain("4711");
  expect(twice).toMatchObject({ record: { code: "HF-PG-23505", subject: "public.t" } });
  expect(raised).toMatchObject({
    record: { hint: expect.stringContaining("raised it"), still: "The transaction was rolled back." },
  });
  expect(twice).toMatchObject({ record: { hint: expect.stringContaining("server's own log") } });
});

test("only what passes by itself is marked as worth another try", () => {
  const passing = (code: string) =>
    postgresFault(Object.assign(new Error("x"), { code }), "doing", "writing").record.passing;
  expect(["40001", "40P01", "55P03"].map(passing)).toEqual([true, true, true]);
  expect(["23505", "22P02", "53100", "57014"].map(passing)).toEqual([undefined, undefined, undefined, undefined]);
});

test("a server that takes a connection and never speaks is unreachable, and no fault of Holdfast", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const url = new Secret(`postgresql://ops@127.0.0.1:${(silent.address() as AddressInfo).port}/shop`);
  const fault = await connect({ url, application: "x", effect: "writing", connectTimeoutMs: 50 }).catch(
    (e: unknown) => e,
  );
  silent.close();
  expect(fault).toMatchObject({ record: { code: "HF-PG-CONNECTION-LOST", exit: "unreachable", after: "none" } });
});

test("an sslmode that proves the server's certificate does so without a word on stderr; psql's own meaning is there to be asked for", async () => {
  const warned: string[] = [];
  const listen = (warning: Error) => warned.push(warning.message);
  process.on("warning", listen);
  const tlsOf = (query: string) => {
    const url = new Secret(`postgresql://ops@db.invalid/shop?${query}`);
    const client = newClient({ url, application: "x", effect: "reading" });
    return (client as unknown as { connectionParameters: { ssl: unknown } }).connectionParameters.ssl;
  };
  for (const mode of ["prefer", "require", "verify-ca", "verify-full"]) expect(tlsOf(`sslmode=${mode}`)).toEqual({});
  expect(tlsOf("application_name=x&sslmode=require&connect_timeout=3")).toEqual({});
  expect(tlsOf("sslmode=disable")).toBe(false);
  expect(tlsOf("uselibpqcompat=true&sslmode=require")).toEqual({ rejectUnauthorized: false });
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", listen);
  expect(warned).toEqual([]);
});

test("what a database or a role sets for its sessions changes neither how values are read nor how long we may take", async () => {
  const admin = await server.connect("postgres");
  await admin.run("making", "create database odd");
  for (const odd of ["array_nulls = off", "xmloption = document", "bytea_output = escape", "statement_timeout = '1ms'"])
    await admin.run("setting", `alter database odd set ${odd}`);
  for (const odd of ["idle_in_transaction_session_timeout = '1ms'", "idle_session_timeout = '1ms'"])
    await admin.run("setting", `alter database odd set ${odd}`);
  if (server.binaries.major >= 17) await admin.run("setting", "alter database odd set transaction_timeout = '30ms'");
  const session = await server.connect("odd");
  await session.run("beginning", "begin");
  await session.run("idling, and taking long", "select pg_sleep(0.05)");
  await new Promise((resolve) => setTimeout(resolve, 50));
  const found = await session.row(
    "reading",
    `select (('{a,NULL}'::text[])[2] is null)::text as absent, '\\x5c'::bytea::text as bytes`,
  );
  await session.run("ending", "commit");
  expect(found).toEqual({ absent: "true", bytes: "\\x5c" });
  const limited = await connect({
    url: server.url("odd"),
    application: "x",
    effect: "reading",
    settings: { statement_timeout: "7s" },
  });
  expect(await limited.row("asking", "select current_setting('statement_timeout') as limit")).toEqual({ limit: "7s" });
  for (const one of [session, limited, admin]) await one.close();
});
