import { createWriteStream, chownSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import type { Connection } from "../src/engines/postgres/connection.ts";
import { serverAccount } from "../src/engines/postgres/server/account.ts";
import { initCluster, removeServer, startServer } from "../src/engines/postgres/server/private-server.ts";
import type { TestServer } from "../test/support/postgres.ts";
import { timed } from "./timing.ts";

export interface ByHand {
  readonly readableMs: number;
  readonly stagedMs: number;
  readonly insertMs: number;
  readonly verifyMs: number;
  readonly totalMs: number;
}

/**
 * What a DBA who knows all of it, and has every command ready to paste, would do with psql and a page patcher: raw pages out, a scratch
 * server, the table made there by hand, pages in, COPY back into a table, one INSERT .. SELECT, one anti-join. No journal, no guard, no
 * rescue file, no batches: the best case of a hand-driven rescue, with the pins already set.
 */
export async function byHand(
  server: TestServer,
  database: string,
  definition: string,
  columns: string,
  xid: number,
): Promise<ByHand> {
  const production = await server.connect(database);
  const began = performance.now();
  const folder = path.join(server.scratch, "by-hand");
  await initCluster(server.binaries, folder, ["-E", "UTF8", "--locale=C.UTF-8", "--no-data-checksums"]);
  const file = path.join(folder, "heap");
  await patchedPages(production, file, xid);
  const scratch = await loadPages(server, folder, file, definition);
  const readableMs = performance.now() - began;
  const back = await putBack(production, await scratch.connect("postgres"), columns, "public.t");
  await scratch.stop("immediate");
  await removeServer(folder);
  const totalMs = performance.now() - began;
  await production.close();
  return { readableMs, ...back, totalMs };
}

/** From the server where the rows can be read: COPY into a staging table, one INSERT, one anti-join. `from`: what is copied, in SQL. */
export async function putBack(production: Connection, scratch: Connection, columns: string, from: string) {
  const staged = await timed(() => stage(production, scratch, columns, from));
  await scratch.close();
  return { stagedMs: staged.ms, ...(await insertStaged(production, columns)) };
}

/** What lies in the staging table, put back by one INSERT and proved by one anti-join. */
export async function insertStaged(production: Connection, columns: string) {
  const inserted = await timed(() =>
    production.run(
      "inserting",
      `insert into public.t (${columns}) overriding system value select ${columns} from public.staging order by id on conflict (id) do nothing`,
    ),
  );
  const verified = await timed(() =>
    production.row(
      "verifying",
      "select count(*) from public.staging s left join public.t t on t.id = s.id where t is distinct from s",
    ),
  );
  await production.run("dropping", "drop table public.staging");
  if (verified.result.count !== "0") throw new Error(`by hand: ${verified.result.count} rows differ`);
  return { insertMs: inserted.ms, verifyMs: verified.ms };
}

async function patchedPages(production: Connection, file: string, xid: number): Promise<void> {
  const sql = `copy (select public.get_raw_page('public.t', 'main', b) from generate_series(0, pg_relation_size('public.t') / 8192 - 1) b) to stdout (format binary)`;
  await pipeline(production.client.query(copyTo(sql)), pagePatcher(xid), createWriteStream(file));
}

/** Binary COPY: a 19-byte header, then 6 bytes and a page each; the last 2 bytes say that it is over. */
function pagePatcher(xid: number): Transform {
  let rest: Buffer = Buffer.alloc(0);
  let skip = 19;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      rest = Buffer.concat([rest, chunk]);
      if (skip > 0 && rest.length >= skip) [rest, skip] = [rest.subarray(skip), 0];
      const whole = skip > 0 ? 0 : Math.floor(rest.length / 8198);
      for (let n = 0; n < whole; n += 1)
        this.push(revive(Buffer.from(rest.subarray(n * 8198 + 6, (n + 1) * 8198)), xid));
      rest = rest.subarray(whole * 8198);
      done();
    },
  });
}

/** The rows that `xid` deleted are made visible; everything else on the page becomes unused. */
function revive(page: Buffer, xid: number): Buffer {
  page.fill(0, 0, 10);
  page.writeUInt16LE(page.readUInt16LE(10) & ~4, 10);
  page.writeUInt32LE(0, 20);
  for (let at = 24; at < page.readUInt16LE(12); at += 4) {
    const row = page.readUInt32LE(at) & 0x7fff;
    const normal = ((page.readUInt32LE(at) >>> 15) & 3) === 1;
    if (!normal || page.readUInt32LE(row + 4) !== xid) {
      page.writeUInt32LE(0, at);
      continue;
    }
    page.writeUInt32LE(0, row + 4);
    page.writeUInt16LE((page.readUInt16LE(row + 20) & ~0x34d0) | 0x0b00, row + 20);
    page.writeUInt16LE(page.readUInt16LE(row + 18) & 0x07ff, row + 18);
  }
  return page;
}

async function loadPages(server: TestServer, folder: string, file: string, definition: string) {
  const settings = { fsync: "off", autovacuum: "off" };
  const first = await startServer({ binaries: server.binaries, folder, settings });
  const making = await first.connect("postgres");
  await making.run("making the table", definition);
  await making.run("checkpoint", "checkpoint");
  const { at } = await making.row("asking", "select pg_relation_filepath('public.t') as at");
  await making.close();
  await first.stop("fast");
  const target = path.join(first.data, at ?? "");
  rmSync(target);
  const { renameSync } = await import("node:fs");
  renameSync(file, target);
  const { uid, gid } = serverAccount();
  chownSync(target, uid, gid);
  if (statSync(target).size % 8192 !== 0) writeFileSync(target, "");
  return startServer({ binaries: server.binaries, folder, settings });
}

/** A table `public.staging` with those rows and a primary key. */
export async function stage(production: Connection, scratch: Connection, columns: string, rows: string): Promise<void> {
  await production.run("making", "create table public.staging (like public.t)");
  await pipeline(
    scratch.client.query(copyTo(`copy (select ${columns} from ${rows}) to stdout`)),
    production.client.query(copyFrom(`copy public.staging (${columns}) from stdin`)),
  );
  await production.run("indexing", "alter table public.staging add primary key (id)");
  await production.run("analyzing", "analyze public.staging");
}
