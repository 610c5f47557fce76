import { afterAll, beforeAll, expect, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { stepOf } from "../../src/core/run-state.ts";
import { onEachWithLog } from "../engines/postgres/evidence/with-log.ts";
import { type ArchivingServer, dropOldLog, startArchivingServer, takeBackup } from "../support/backup.ts";
import { aCli, headless } from "../support/cli.ts";
import { debian, withDirtyread } from "../support/dirtyread.ts";
import { majors, onEachMajor } from "../support/majors.ts";
import { startTestServer, testBinaries, type TestServer } from "../support/postgres.ts";
import { everyValue, type EveryValue } from "./every-value.ts";

/** UTF-8 is in the long run only: LATIN1 is the harder of the two. */
const encodings = process.env.HOLDFAST_VERSIONS === "all" ? (["UTF8", "LATIN1"] as const) : (["LATIN1"] as const);

interface Way {
  readonly path: "wal" | "clone" | "pg-dirtyread";
  readonly backup?: { readonly base: string; readonly archive: string };
  readonly servers?: Readonly<Record<string, string>>;
}

/** All that the statement took came back by this path alone, equal to the last bit, and nothing of ours is left. */
async function broughtBack(incident: EveryValue, { path, backup, servers }: Way): Promise<void> {
  const cli = aCli({ DATABASE_URL: incident.url });
  const shop = { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox", ...(backup && { backup }) };
  cli.config({ targets: { shop }, scratch: { folder: cli.scratch, servers: servers ?? { ...testBinaries() } } });
  const words = headless.map((word) => (word === "path=recommended" ? `path=${path}` : word));
  const { exit, stderr, stdout } = await cli.run([...words, "--set", "table=shop.things"]);
  expect([exit, stderr], stdout).toEqual(["ok", ""]);
  expect(await incident.content()).toEqual(incident.before);
  const state = foldRun(cli.events());
  expect(stepOf(state, "merge").result).toMatchObject({ inserted: incident.lost, left: 0 });
  const { tables } = stepOf(state, "rescue").result as {
    tables: { rows: number; lost?: number; from?: Readonly<Record<string, number>> }[];
  };
  expect(tables.reduce((sum, { rows }) => sum + rows, 0)).toBe(incident.lost);
  for (const { rows, lost = 0, from = {} } of tables)
    expect([lost, path === "wal" ? from.wal : rows]).toEqual([0, rows]);
  expect(await incident.footprint()).toEqual(incident.clean);
  expect(cli.leftInScratch()).toEqual([]);
}

onEachWithLog([18], (major) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ major, settings: { autovacuum: "off", fsync: "off", max_wal_size: "4GB" } });
  });
  afterAll(() => server.end());

  test.each(encodings)(
    "VACUUM took every kind of value, and the log alone gives it back as it was: %s",
    async (encoding) => {
      const incident = await everyValue(server, { encoding });
      await incident.vacuumed();
      await broughtBack(incident, { path: "wal" });
    },
  );
});

onEachMajor(majors(17), (major) => {
  let from: ArchivingServer;
  beforeAll(async () => {
    from = await startArchivingServer({ major, settings: { autovacuum: "off", fsync: "off" } });
  });
  afterAll(() => from.end());

  test.each(encodings)("a clone gives every kind of value back as it was: %s", async (encoding) => {
    let base = "";
    const ready = async () => void (base = await takeBackup(from, encoding));
    const incident = await everyValue(from.server, { encoding, ready });
    await incident.vacuumed();
    await dropOldLog(from, incident.session);
    await broughtBack(incident, { path: "clone", backup: { base, archive: from.archive } });
  });
});

withDirtyread(() => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ ...debian, settings: { autovacuum: "off", fsync: "off" } });
  });
  afterAll(() => server.end());

  test.each(encodings)("every kind of value comes back as it was: %s", async (encoding) => {
    const incident = await everyValue(server, { encoding });
    await broughtBack(incident, { path: "pg-dirtyread", servers: { [debian.major]: debian.bin } });
  });
});
