import { rmSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "../../../src/core/secret.ts";
import { compareIdentity, type TargetIdentity } from "../../../src/core/target.ts";
import { connectFault } from "../../../src/engines/postgres/postgres/connect-fault.ts";
import { postgres } from "../../../src/engines/postgres/postgres.ts";
import { connect } from "../../../src/engines/postgres/connection.ts";
import { identity } from "../../../src/engines/postgres/identity.ts";
import { startServer } from "../../../src/engines/postgres/server/private-server.ts";
import { startTestServer, type TestServer } from "../../support/postgres.ts";
import { marked, targetFor } from "./marker-support.ts";

let server: TestServer;
let port: number;
beforeAll(async () => {
  port = await freePort();
  server = await startTestServer({ port });
});
afterAll(() => server.end());

async function freePort(): Promise<number> {
  const probe = net.createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const found = (probe.address() as net.AddressInfo).port;
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return found;
}
const tcp = (at: number, rest = "postgres", user = "postgres") =>
  new Secret(`postgresql://${user}@127.0.0.1:${at}/${rest}`);
async function identityAt(url: Secret): Promise<TargetIdentity> {
  const target = targetFor(url);
  try {
    return await identity(target);
  } finally {
    await target.close();
  }
}
const fact = (found: TargetIdentity, name: string) => found.facts.find((one) => one.name === name)?.value;

test("the server says what it is, and the words name where, which version, and its part", async () => {
  const found = await identityAt(tcp(port));
  expect(found.words).toMatch(
    new RegExp(`^127\\.0\\.0\\.1:${port}, PostgreSQL ${server.binaries.major}\\.\\d+, primary$`),
  );
  expect(found.database).toBe("postgres");
  expect(fact(found, "system identifier")).toMatch(/^\d{19}$/);
  expect(fact(found, "timeline")).toBe("1");
  expect(fact(found, "data folder")).toBe(server.data);
  expect(fact(found, "reached at")).toBe(`127.0.0.1:${port}`);
  expect(found.facts.every((one) => one.weight > 0)).toBe(true);
});

test("the same server is the same after a restart, and moved when it is reached by another way", async () => {
  const before = await identityAt(tcp(port));
  server = await server.restart("immediate");
  expect(compareIdentity(before, await identityAt(tcp(port)))).toEqual({ kind: "same" });
  const other = new Secret(`postgresql://postgres@localhost:${port}/postgres`);
  expect(compareIdentity(before, await identityAt(other))).toEqual({ kind: "moved", differs: ["reached at"] });
});

test("another database of the same server is another target", async () => {
  const verdict = compareIdentity(await identityAt(tcp(port)), await identityAt(tcp(port, "template1")));
  expect(verdict).toEqual({ kind: "other", differs: ["database", "database oid"] });
});

test("the installation row joins what the server says of itself, and without it the server is another", async () => {
  const bare = await identityAt(tcp(port));
  const { target, marker } = await marked(tcp(port));
  await marker.create();
  await target.close();
  const marked2 = await identityAt(tcp(port));
  expect(fact(marked2, "installation")).toMatch(/^[0-9a-f-]{36}$/);
  expect(compareIdentity(bare, marked2)).toEqual({ kind: "same" });
  expect(compareIdentity(marked2, bare)).toEqual({ kind: "other", differs: ["installation"] });
});

test("a copy at another place is moved, and a promoted copy is another server", async () => {
  const before = await identityAt(tcp(port));
  await server.stop("fast");
  const folder = path.join(server.scratch, "c");
  // As its owner and modes are, by cp: Node's own copy gives them to us.
  await execa("cp", ["-a", server.folder, folder]);
  const at = await freePort();
  server = await server.restart();
  const copy = await startServer({ binaries: server.binaries, folder, port: at });
  const verdict = compareIdentity(before, await identityAt(tcp(at)));
  expect(verdict).toMatchObject({ kind: "moved", differs: expect.arrayContaining(["reached at", "data folder"]) });
  const session = await connect({ url: tcp(at), application: "t", effect: "writing" });
  await session.close();
  await copy.stop("fast");
  await execa("touch", [path.join(folder, "data", "standby.signal")]);
  const standby = await startServer({ binaries: server.binaries, folder, port: at });
  expect((await identityAt(tcp(at))).words).toMatch(/, standby$/);
  const promoting = await connect({ url: tcp(at), application: "t", effect: "writing" });
  await promoting.row("promoting", "select pg_promote(true, 30)");
  await promoting.close();
  const promoted = await identityAt(tcp(at));
  expect(fact(promoted, "timeline")).toBe("2");
  expect(compareIdentity(before, promoted)).toMatchObject({
    kind: "other",
    differs: expect.arrayContaining(["timeline"]),
  });
  await standby.stop("immediate");
  rmSync(folder, { recursive: true, force: true });
});

test("a role that may see little still gets an identity, of fewer facts", async () => {
  const admin = await connect({ url: tcp(port), application: "t", effect: "writing" });
  await admin.run("making", "create role clerk login");
  await admin.run("closing", "revoke execute on function pg_control_system() from public");
  const found = await identityAt(tcp(port, "postgres", "clerk"));
  expect(fact(found, "system identifier")).toBeUndefined();
  expect(fact(found, "data folder")).toBeUndefined();
  expect(fact(found, "installation")).toBeUndefined();
  expect(fact(found, "database oid")).toMatch(/^\d+$/);
  await admin.run("opening", "grant execute on function pg_control_system() to public");
  await admin.close();
});

test("what stands in the way of a connection has a code of its own, and no password in its words", async () => {
  const codeOf = async (url: string) => {
    const target = targetFor(new Secret(url));
    const thrown = await target.catalogue().then(
      () => null,
      (error: unknown) => connectFault(error),
    );
    await target.close();
    expect(JSON.stringify(thrown?.record)).not.toContain("hunter2");
    expect(String(thrown?.stack) + JSON.stringify(thrown?.cause ?? null)).not.toContain("hunter2");
    return thrown?.record.code;
  };
  const closed = await freePort();
  const admin = await connect({ url: tcp(port), application: "t", effect: "writing" });
  await admin.run("making", "create role nobody_home nologin");
  await admin.run("closing", "alter role clerk connection limit 0");
  expect(await codeOf(`postgresql://postgres:hunter2@127.0.0.1:${closed}/postgres`)).toBe("HF-CONNECT-UNREACHABLE");
  expect(await codeOf("postgresql://postgres:hunter2@/postgres?host=/nonexistent")).toBe("HF-CONNECT-UNREACHABLE");
  expect(await codeOf(`postgresql://postgres:hunter2@127.0.0.1:${port}/no_such`)).toBe("HF-CONNECT-DATABASE");
  expect(await codeOf(`postgresql://stranger:hunter2@127.0.0.1:${port}/postgres`)).toBe("HF-CONNECT-PASSWORD");
  expect(await codeOf(`postgresql://clerk:hunter2@127.0.0.1:${port}/postgres`)).toBe("HF-CONNECT-FULL");
  expect(await codeOf(`postgresql://postgres:hunter2@127.0.0.1:${port}/postgres?sslmode=verify-full`)).toBe(
    "HF-CONNECT-TLS",
  );
  expect(await codeOf("postgresql://postgres:hunter2@[::1/postgres")).toBe("HF-CONNECT-URL");
  await admin.close();
});

test("the list of engines can be read without the driver", () => {
  expect(postgres.offers).toContain("evidence");
  expect(postgres.keeps[0]).toBe("transactional");
});
