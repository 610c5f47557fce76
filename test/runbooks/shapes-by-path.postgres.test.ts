import { afterAll, beforeAll, expect, test } from "vitest";
import { type ArchivingServer, startArchivingServer, takeBackup } from "../support/backup.ts";
import { onEachMajor } from "../support/majors.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import { shapes } from "./shapes-list.ts";
import { aScene, isBack, type Scene, type Shape } from "./shapes.ts";

/** Those whose rows are told apart by where they lay alone, lie in several files, or have names that words and files must carry. */
const sample = [
  "a table without a key, with equal rows and NULLs",
  "a table partitioned twice, named by root",
  "a parent that others inherit from, with its children",
  "names with capitals, quotes, spaces, dots and emoji",
].map((is): Shape => shapes.find((shape) => shape.is === is) ?? expect.unreachable(is));

/** On PostgreSQL 14 by the pages too: it has functions of its own for most of it. */
onEachMajor([14], (major) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ major, settings: { autovacuum: "off", fsync: "off" } });
  });
  afterAll(() => server.end());

  test.each(sample)("$is comes back by the pages", async (shape) => {
    const scene = await aScene(server, shape);
    await isBack(scene, await scene.run());
  });
});

onEachMajor([18], (major) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ major, settings: { autovacuum: "off", fsync: "off" } });
  });
  afterAll(() => server.end());

  test.each(sample)("$is comes back out of the log alone", async (shape) => {
    const scene = await aScene(server, shape, {
      held: false,
      between: async (session) => void (await session.run("", "checkpoint")),
    });
    await scene.session.client.query("vacuum");
    await isBack(scene, await scene.run({ path: "wal" }));
  });
});

onEachMajor([14, 18], (major) => {
  let from: ArchivingServer;
  beforeAll(async () => {
    from = await startArchivingServer({ major, settings: { autovacuum: "off", fsync: "off" } });
  });
  afterAll(() => from.end());

  async function withBackup(shape: Shape): Promise<{ readonly scene: Scene; readonly base: string }> {
    let base = "";
    const between = async () => void (base = await takeBackup(from, `b${Date.now()}`));
    const scene = await aScene(from.server, shape, { held: false, between });
    await scene.session.client.query("vacuum");
    return { scene, base };
  }

  test.each(sample)("$is comes back from a clone", async (shape) => {
    const { scene, base } = await withBackup(shape);
    await isBack(
      scene,
      await scene.run({ path: "clone", backup: { base, log: { kind: "folder", folder: from.archive } } }),
    );
  });
});
