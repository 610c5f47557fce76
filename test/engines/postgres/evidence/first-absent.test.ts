import { cpSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Backup } from "../../../../src/engines/engine.ts";
import { beginSurvey, firstAbsent } from "../../../../src/engines/postgres/evidence/clone/survey.ts";
import { segmentName } from "../../../../src/engines/postgres/evidence/log/segments.ts";
import { postgresTarget } from "../../../../src/engines/postgres/target.ts";
import { archiveAll, dropOldLog, startArchivingServer, takeBackup } from "../../../support/backup.ts";
import { requestTo } from "../../../support/request.ts";
import { watch } from "./scene.ts";

test("of a log that is too long to be read through, the first file that is in no place is named; right after a switch none is missing", async () => {
  const from = await startArchivingServer({ settings: { autovacuum: "off", fsync: "off" } });
  onTestFinished(() => from.end());
  const sql = await from.server.connect("postgres");
  onTestFinished(() => sql.close());
  const base = await takeBackup(from, "base");
  await dropOldLog(from, sql);
  const gap = path.join(from.backups, "gap");
  cpSync(from.archive, gap, { recursive: true });
  const names = readdirSync(gap)
    .filter((name) => /^[0-9A-F]{24}$/.test(name))
    .toSorted();
  const absent = names.at(-3) ?? "";
  rmSync(path.join(gap, absent));
  const firstIn = async (folder: string): Promise<string | null> => {
    const backup: Backup = { base, log: { kind: "folder", folder } };
    const target = postgresTarget(requestTo(from.server, "postgres", { backup }));
    try {
      const begun = await beginSurvey(target, await target.catalogue());
      const found = await firstAbsent(begun, watch);
      return found && segmentName(found, begun.source.segmentBytes);
    } finally {
      await target.close();
    }
  };
  await archiveAll(from, sql);
  expect(await firstIn(from.archive)).toBeNull();
  expect(await firstIn(gap)).toBe(absent);
});
