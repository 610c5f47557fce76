import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { eachRecord } from "../../../../src/engines/postgres/evidence/log/records.ts";
import { type Segment, segmentOf } from "../../../../src/engines/postgres/evidence/log/segments.ts";
import { type ArchivingServer, archiveAll, startArchivingServer, takeBackup } from "../../../support/backup.ts";
import { cloneGround, statementOf } from "./clone-ground.ts";
import { watch } from "./scene.ts";

const size = 16 * 1024 * 1024;
let from: ArchivingServer;
let sql: Connection;
let base: string;
let xid: string;
let names: readonly string[];
let files: readonly Buffer[];
let segments: readonly Segment[];

beforeAll(async () => {
  from = await startArchivingServer({ settings: { fsync: "off", autovacuum: "off" } });
  sql = await from.server.connect("postgres");
  await sql.run("", "create extension pageinspect");
  await sql.run("", "create table public.t (id int primary key, note text)");
  base = await takeBackup(from, "base");
  for (let round = 0; round < 3; round += 1) {
    const numbers = `generate_series(${round * 10_000 + 1}, ${round * 10_000 + 5000})`;
    await sql.run("", `insert into public.t select g, repeat('x', 100) from ${numbers} g`);
    await archiveAll(from, sql);
  }
  await sql.run("", "truncate public.t");
  const { next } = await sql.row("", "select pg_snapshot_xmax(pg_current_snapshot())::text as next");
  xid = String(Number(next) - 1);
  await archiveAll(from, sql);
  const there = readdirSync(from.archive).filter((name) => /^[0-9A-F]{24}$/.test(name));
  names = there.toSorted().slice(-4);
  files = names.map((name) => readFileSync(path.join(from.archive, name)));
  segments = names.flatMap((name) => segmentOf(name, size) ?? []);
});
afterAll(async () => {
  await sql.close();
  await from.end();
});

/** Of each file its copies, in the order in which they are tried. */
async function read(copies: readonly (readonly (Buffer | undefined)[])[]) {
  const seen: bigint[] = [];
  const upTo = (segments.at(-1)?.start ?? 0n) + BigInt(size);
  const nth = ({ start }: Segment) => segments.findIndex((one) => one.start === start);
  const found = await eachRecord(
    segments,
    (segment, copy) => Promise.resolve(copies[nth(segment)]?.[copy] ?? null),
    upTo,
    ({ position }) => seen.push(position),
  );
  return { ...found, seen };
}

/** Where the first record that begins in the file does. */
const firstIn = (bytes: Buffer) => 40 + ((bytes.readUInt32LE(16) + 7) & ~7);

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

const with2nd = (...second: Buffer[]) => files.map((bytes, nth) => (nth === 1 ? second : [bytes]));

test("files that end with a switch are all read, and nothing is said to be damaged", async () => {
  const whole = await read(files.map((bytes) => [bytes]));
  expect(whole).toMatchObject({ stoppedAt: null, damage: null });
  expect(whole.seen.some((position) => position > (segments[3]?.start ?? 0n))).toBe(true);
});

test.each([
  ["length", 0],
  ["transaction", 4],
  ["link", 8],
  ["kind", 17],
  ["checksum", 20],
  ["contents", 30],
])(
  "one bit of a record's %s is told as damage, with its place, and nothing behind it is given out",
  async (_what, plus) => {
    const second = files[1] ?? Buffer.alloc(0);
    const at = firstIn(second);
    const found = await read(with2nd(flipped(second, at + plus)));
    expect(found.stoppedAt).toEqual(segments[1]);
    const place = (segments[1]?.start ?? 0n) + BigInt(at);
    // A wrong length is seen on the next page at the latest.
    expect(Number((found.damage?.at ?? 0n) - place)).toBeGreaterThanOrEqual(0);
    expect(Number((found.damage?.at ?? 0n) - place)).toBeLessThanOrEqual(8192);
    expect(found.seen.every((position) => position < place)).toBe(true);
  },
);

test("a file whose later pages were never written is told as damaged, wherever they begin", async () => {
  for (let page = 1; page < 60; page += 1) {
    const torn = Buffer.from(files[1] ?? "").fill(0, page * 8192);
    expect((await read(with2nd(torn))).damage?.segment).toEqual(segments[1]);
  }
});

test("where there is a whole copy of a damaged file that one is read, and no record is given out twice", async () => {
  const whole = await read(files.map((bytes) => [bytes]));
  const second = files[1] ?? Buffer.alloc(0);
  const torn = Buffer.from(second).fill(0, 20 * 8192);
  const found = await read(with2nd(flipped(second, firstIn(second) + 8), torn, second));
  expect(found).toEqual(whole);
});

/** The damage lies in the file before the one with the TRUNCATE. */
function brokenArchive(): string {
  const broken = path.join(path.dirname(from.archive), "broken");
  cpSync(from.archive, broken, { recursive: true });
  const bytes = files[2] ?? Buffer.alloc(0);
  writeFileSync(path.join(broken, names[2] ?? ""), flipped(bytes, firstIn(bytes) + 8));
  return broken;
}

function ground(archive: string) {
  const made = cloneGround(from, { base, log: { kind: "folder", folder: archive } });
  onTestFinished(() => made.leave());
  return made;
}

test("a damaged file of the archive closes the way and is named by the search; a server's own whole copy opens it", async () => {
  const statement = statementOf([xid], ["public.t"], "rewrite");
  const onServer = path.join(from.server.data, "pg_wal", names[2] ?? "");
  const broken = brokenArchive();
  const [damaged, own] = [readFileSync(path.join(broken, names[2] ?? "")), files[2] ?? Buffer.alloc(0)];
  writeFileSync(onServer, own);
  expect(await ground(broken).option(statement)).toMatchObject({ feasible: true });
  const back = await ground(broken).recover(statement);
  expect(back.tables).toMatchObject([{ rows: 15_000 }]);
  writeFileSync(onServer, damaged);
  const named = expect.stringMatching(new RegExp(`damaged at .*${names[2]}: what is after that is not known`));
  expect(await ground(broken).option(statement)).toMatchObject({ feasible: false, why: named });
  const search = await ground(broken).evidence.search({ table: "public.t", tables: ["public.t"] }, watch);
  expect(search.findings).toContainEqual(expect.objectContaining({ text: named }));
  writeFileSync(onServer, own);
});
