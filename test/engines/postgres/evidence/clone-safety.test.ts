import {
  appendFileSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { headStarts } from "../../../../src/engines/head-starts.ts";
import type { Backup } from "../../../../src/engines/engine.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { evidenceKeepers } from "../../../../src/engines/postgres/evidence.ts";
import { serverAccount } from "../../../../src/engines/postgres/server/account.ts";
import { livingPostmaster } from "../../../../src/engines/postgres/server/private-server.ts";
import {
  type ArchivingServer,
  archiveAll,
  packBackup,
  startArchivingServer,
  takeBackup,
} from "../../../support/backup.ts";
import { cloneGround, statementOf } from "./clone-ground.ts";
import { text, watch } from "./scene.ts";

let from: ArchivingServer;
let sql: Connection;
let base: string;
let outside: string;
let statement: ReturnType<typeof statementOf>;

beforeAll(async () => {
  from = await startArchivingServer({ settings: { fsync: "off" } });
  sql = await from.server.connect("postgres");
  outside = path.join(path.dirname(from.archive), "outside");
  const space = path.join(outside, "space");
  for (const folder of [outside, space, path.join(outside, "log")]) {
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, serverAccount().uid, serverAccount().gid);
  }
  await sql.run("", `create tablespace fast location '${space}'`);
  await sql.run("", "create table public.t (id int primary key, note text) tablespace fast");
  await sql.run("", "insert into public.t select n, 'n' || n from generate_series(1, 100) n");
  base = await takeBackup(from, "base");
  await sql.run("", "delete from public.t where id <= 60");
  statement = statementOf([await lastXid()], ["public.t"]);
  await archiveAll(from, sql);
});
afterAll(async () => {
  await sql.close();
  await from.end();
});

async function lastXid(): Promise<string> {
  const { next } = await sql.row("", "select pg_snapshot_xmax(pg_current_snapshot())::text as next");
  return String(Number(next) - 1);
}

function ground(backup: Backup) {
  const made = cloneGround(from, backup);
  onTestFinished(() => made.leave());
  return made;
}
const folder = (place: string): Backup => ({ base: place, log: { kind: "folder", folder: from.archive } });

/** A copy of the backup whose tablespace is a folder in it, as another tool may make it. */
function withSpaceInside(name: string, of = base): string {
  const to = path.join(from.backups, name);
  cpSync(of, to, { recursive: true, verbatimSymlinks: true });
  const links = path.join(to, "pg_tblspc");
  for (const id of readdirSync(links)) {
    rmSync(path.join(links, id));
    cpSync(path.join(outside, "space"), path.join(links, id), { recursive: true });
  }
  return to;
}

/** Everything below a folder: what it is, how large, and when it was written. */
function footprint(place: string): readonly string[] {
  const found = lstatSync(place);
  const line = `${place} ${found.mode} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
  return found.isDirectory()
    ? [line, ...readdirSync(place).flatMap((name) => footprint(path.join(place, name)))]
    : [line];
}

test("a backup with hostile settings is started without any of them, and nothing outside of the clone's folder is touched", async () => {
  const hostile = withSpaceInside("hostile");
  const touch = (what: string) => `touch ${outside}/${what}`;
  const settings = {
    archive_mode: "always",
    archive_command: touch("archived"),
    archive_cleanup_command: `rm -rf ${from.archive}/*; ${touch("cleaned")}`,
    recovery_end_command: touch("ended"),
    restore_command: touch("restored"),
    logging_collector: "on",
    log_directory: `${outside}/log`,
    synchronous_standby_names: "nobody",
    external_pid_file: `${outside}/pid`,
    unix_socket_directories: outside,
    listen_addresses: "*",
    shared_preload_libraries: "not_there",
    hba_file: `${outside}/hba`,
    primary_conninfo: "host=/nowhere",
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
  for (const file of ["postgresql.conf", "postgresql.auto.conf"])
    appendFileSync(path.join(hostile, file), lines.join(""));
  writeFileSync(path.join(hostile, "standby.signal"), "");
  writeFileSync(path.join(hostile, "tablespace_map"), `16384 ${outside}/space\n`);
  symlinkSync(path.join(outside, "log"), path.join(hostile, "log"));
  symlinkSync("/etc/passwd", path.join(hostile, "server.crt"));
  rmSync(path.join(hostile, "pg_wal"), { recursive: true });
  symlinkSync(from.archive, path.join(hostile, "pg_wal"));
  await sql.run("", "checkpoint");
  const places = [outside, from.archive, hostile];
  const before = places.map(footprint);
  const here = ground(folder(hostile));
  const back = await here.recover(statement);
  expect((await text(await back.rows("public.t"))).trim().split("\n")).toHaveLength(60);
  expect(places.map(footprint)).toEqual(before);
  const conf = readFileSync(path.join(here.scratch, here.leases[0]?.name ?? "", "data/postgresql.conf"), "utf8");
  expect(conf).not.toContain(outside);
});

test("a tablespace that lies outside of the backup is refused before anything is started", async () => {
  const before = footprint(path.join(outside, "space"));
  await expect(ground(folder(base)).recover(statement)).rejects.toThrow(/tablespace \d+ lies outside of it/);
  expect(footprint(path.join(outside, "space"))).toEqual(before);
});

test("a link within the data folder is refused", async () => {
  const linked = withSpaceInside("linked");
  symlinkSync("/etc/passwd", path.join(linked, "global", "1"));
  await expect(ground(folder(linked)).recover(statement)).rejects.toThrow("neither a file nor a folder");
});

test("a backup of another server is refused, and so is one without a label", async () => {
  const strange = withSpaceInside("strange");
  const control = path.join(strange, "global/pg_control");
  const bytes = readFileSync(control);
  bytes.writeBigUInt64LE(1n, 0);
  writeFileSync(control, bytes);
  await expect(ground(folder(strange)).recover(statement)).rejects.toMatchObject({
    record: { code: "HF-CLONE-OTHER-SERVER" },
  });
  rmSync(path.join(strange, "backup_label"));
  expect(await ground(folder(strange)).option(statement)).toMatchObject({
    feasible: false,
    why: expect.stringContaining("no backup_label"),
  });
});

test.each(["tar", "tar.gz"])("a backup in %s is unpacked, its tablespaces too", async (form) => {
  const packed = await packBackup(withSpaceInside(`loose-${form}`), path.join(from.backups, `packed-${form}`), form);
  const back = await ground(folder(packed)).recover(statement);
  expect(back.tables).toMatchObject([{ table: "public.t", rows: 60 }]);
});

test("a truncated table in a packed tablespace comes back whole, with what was changed since the backup", async () => {
  await sql.run("", "create table public.whole (id int primary key, note text) tablespace fast");
  await sql.run("", "insert into public.whole select n, repeat('n', 200) from generate_series(1, 5000) n");
  await sql.run("", "checkpoint");
  const loose = withSpaceInside("whole-loose", await takeBackup(from, "whole"));
  const packed = await packBackup(loose, path.join(from.backups, "whole-packed"), "tar");
  await sql.run("", "update public.whole set note = 'changed' where id in (2500, 4999)");
  await sql.run("", "truncate public.whole");
  const truncated = statementOf([await lastXid()], ["public.whole"], "rewrite");
  await archiveAll(from, sql);
  const back = await ground(folder(packed)).recover(truncated);
  expect(back.tables).toMatchObject([{ table: "public.whole", rows: 5000 }]);
  const lines = (await text(await back.rows("public.whole"))).trim().split("\n");
  expect(lines).toHaveLength(5000);
  expect(lines.filter((line) => line.endsWith("changed"))).toHaveLength(2);
});

test("the log may come from a program, and what is not archived yet from the server", async () => {
  await sql.run("", "delete from public.t where id > 90");
  const late = statementOf([await lastXid()], ["public.t"]);
  const argv = ["cp", `${from.archive}/%f`, "%p"];
  const here = ground({ base: withSpaceInside("fetched"), log: { kind: "command", argv } });
  const back = await here.recover(late);
  expect(back.tables).toMatchObject([{ rows: 10 }]);
  expect(readdirSync(here.scratch).filter((name) => name.includes("-fetch-"))).toEqual([]);
});

test("a gap in the log is named, and closes the way", async () => {
  const gapped = path.join(path.dirname(from.archive), "gapped");
  cpSync(from.archive, gapped, { recursive: true });
  const [, second = ""] = readdirSync(gapped)
    .filter((name) => /^[0-9A-F]{24}$/.test(name) && name >= firstFile())
    .toSorted();
  rmSync(path.join(gapped, second));
  await dropFromServer(second);
  const option = await ground({ base: withSpaceInside("gap"), log: { kind: "folder", folder: gapped } }).option(
    statement,
  );
  expect(option).toMatchObject({ feasible: false });
  expect(option?.why).toContain(second);
});

test.each(["ELOOP", ...(process.getuid?.() === 0 ? [] : ["EACCES"])])(
  "an archive that is there and can't be read (%s) is named as that, and closes this way alone",
  async (code) => {
    const place = path.join(path.dirname(from.archive), `closed-${code}`);
    if (code === "ELOOP") symlinkSync(place, place);
    else mkdirSync(place, { mode: 0o000 });
    const [first = ""] = readdirSync(from.archive).filter((name) => /^[0-9A-F]{24}$/.test(name) && name >= firstFile());
    await dropFromServer(first);
    const here = ground({ base: withSpaceInside(`closed-${code}`), log: { kind: "folder", folder: place } });
    const option = await here.option(statement);
    expect(option).toMatchObject({ feasible: false, opensWith: expect.stringContaining("Reading rights") });
    expect(option?.why).toContain(`this account can't read it (${code})`);
    await sql.run("", "create extension if not exists pageinspect");
    const search = await here.evidence.search({ table: "public.t", tables: ["public.t"] }, watch);
    expect(search.findings).toContainEqual(expect.objectContaining({ level: "warn", hint: option?.opensWith }));
  },
);

test("a statement from before the backup is not looked for in it", async () => {
  const late = await takeBackup(from, "late");
  const option = await ground(folder(late)).option(statement);
  expect(option).toMatchObject({ feasible: false, opensWith: expect.stringContaining("before it") });
});

test("a tablespace that was made since the backup closes the way: replaying that would make a folder outside", async () => {
  const place = path.join(outside, "later");
  mkdirSync(place, { mode: 0o700 });
  chownSync(place, serverAccount().uid, serverAccount().gid);
  await sql.run("", `create tablespace later location '${place}'`);
  await sql.run("", "delete from public.t where id = 61");
  const after = statementOf([await lastXid()], ["public.t"]);
  const here = ground(folder(withSpaceInside("before-space")));
  expect(await here.option(after)).toMatchObject({
    feasible: false,
    why: expect.stringContaining("tablespace was made"),
  });
  expect(await here.option(statement)).toMatchObject({ feasible: true });
});

test("a clone that was left behind is found by its lease, ended and removed", async () => {
  const here = ground(folder(withSpaceInside("left")));
  const stop = new AbortController();
  const [part] = await here.evidence.recoveryParts(statement, "clone", here.run);
  const facts = await part?.take();
  const place = path.join(here.scratch, part?.lease.name ?? "");
  const lease = { ...part?.lease, facts } as never;
  const keeper = evidenceKeepers(here.target, headStarts()).clone;
  const running = here.evidence.recover(statement, "clone", here.run, {
    progress: () => undefined,
    output: () => undefined,
    pausing: stop.signal,
    signal: stop.signal,
  });
  const failed = expect(running).rejects.toThrow();
  let pid: number | null = null;
  while (pid === null) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    pid = livingPostmaster(place);
  }
  expect(await keeper?.find(lease)).toBe("present");
  await keeper?.release(lease);
  await keeper?.release(lease);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(existsSync(place)).toBe(false);
  expect(await keeper?.find(lease)).toBe("absent");
  await failed;
});

function firstFile(): string {
  return /file ([0-9A-F]{24})/.exec(readFileSync(path.join(base, "backup_label"), "utf8"))?.[1] ?? "";
}

async function dropFromServer(name: string): Promise<void> {
  for (let tries = 0; tries < 20 && existsSync(path.join(from.server.data, "pg_wal", name)); tries += 1) {
    await sql.run("", "insert into public.t values (1000 + (select count(*) from public.t)::int, 'more')");
    await archiveAll(from, sql);
    await sql.run("", "checkpoint");
  }
}
