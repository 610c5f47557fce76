import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ballastBytes } from "../../src/journal/ballast.ts";
import { closed, faultOf, filesWith, intended, note, opened, progressed, testJournal } from "./support.ts";

const mount = smallDisk();
if (mount === null) console.warn("SKIPPED: the tests of a full disk need root and the right to mount a tmpfs.");
else rmSmallDisk(mount);

/** A file system of 16 MB of its own. */
function smallDisk(): string | null {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-small-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", folder]);
  if (status === 0) return folder;
  rmdirSync(folder);
  return null;
}

function rmSmallDisk(folder: string): void {
  spawnSync("umount", ["-l", folder]);
  rmdirSync(folder);
}

function onSmallDisk(): { folder: string; fill: () => void; clear: () => void } {
  const disk = smallDisk() ?? "";
  onTestFinished(() => rmSmallDisk(disk));
  const filler = path.join(disk, "filler");
  const fill = () => {
    for (let size = 1 << 20; size >= 512; size /= 2) {
      for (;;) {
        try {
          writeFileSync(filler, Buffer.alloc(size), { flag: "a" });
        } catch {
          break;
        }
      }
    }
  };
  return { folder: path.join(disk, "state"), fill, clear: () => rmSync(filler, { force: true }) };
}

/** Longer than what the log may have left over in its last block. */
const long = "x".repeat(60_000);
const outcome = { kind: "step.ended", step: "merge", attempt: 1, outcome: "done", result: long, took: 1 } as const;

test.skipIf(mount === null)("on a full disk the outcome is still written, and nothing new begins", () => {
  const { folder, fill, clear } = onSmallDisk();
  const { journal } = testJournal({ folder });
  const run = journal.open(opened());
  const ballast = path.join(folder, "ballast");
  expect(statSync(ballast).size).toBe(ballastBytes);
  run.append([intended()]);
  fill();
  expect(run.append([outcome])).toHaveLength(1);
  expect(existsSync(ballast)).toBe(false);
  expect(journal.read(run.run).at(-1)?.event).toEqual(outcome);

  const refused = faultOf(() => run.append([intended("merge", 2)]));
  expect(refused).toMatchObject({ code: "HF-JOURNAL-FULL", exit: "journal", after: "none" });
  expect(refused.still).toMatch(/Nothing new was begun/);
  expect(existsSync(ballast)).toBe(false);
  run.append([{ kind: "run.paused", reason: "no room" }]);
  run.release();
  expect(faultOf(() => journal.open(opened())).code).toBe("HF-JOURNAL-FULL");

  clear();
  const again = journal.take(run.run);
  again.append([intended("merge", 2)]);
  expect(statSync(ballast).size).toBe(ballastBytes);
  expect(journal.verify()).toMatchObject({ intact: true, runs: 1, events: 5 });
});

test.skipIf(mount === null)("an intent that finds no room is refused without touching the reserve", () => {
  const { folder, fill } = onSmallDisk();
  const { journal } = testJournal({ folder });
  const run = journal.open(opened());
  fill();
  const event = { ...intended(), params: { long } } as const;
  expect(faultOf(() => run.append([event])).code).toBe("HF-JOURNAL-FULL");
  expect(statSync(path.join(folder, "ballast")).size).toBe(ballastBytes);
  expect(journal.read(run.run)).toHaveLength(1);
  run.append([outcome]);
  expect(journal.read(run.run).map(({ seq }) => seq)).toEqual([1, 2]);
});

test.skipIf(mount === null)(
  "progress that finds no room ends nothing, leaves the reserve, and is written when there is room",
  () => {
    const { folder, fill, clear } = onSmallDisk();
    const { journal, clock } = testJournal({ folder });
    const run = journal.open(opened());
    run.append([progressed(1)], "passing");
    fill();
    for (let done = 2; done < 40; done += 1) {
      clock.pass(1000);
      run.append([{ kind: "output.printed", step: "merge", text: `${done} ${long}` }, progressed(done)], "passing");
    }
    expect(statSync(path.join(folder, "ballast")).size).toBe(ballastBytes);
    clear();
    run.append([note("ended")]);
    const dones = journal
      .read(run.run)
      .map(({ event }) => (event.kind === "step.progressed" ? event.progress.done : 0));
    expect(dones.at(-2)).toBe(39);
    expect(journal.verify().intact).toBe(true);
  },
);

test.skipIf(mount === null)("when the reserve is used up too, the fault says so and what is there stays whole", () => {
  const { folder, fill, clear } = onSmallDisk();
  const { journal } = testJournal({ folder });
  const run = journal.open(opened());
  fill();
  run.append([outcome]);
  fill();
  const fault = faultOf(() => {
    for (;;) run.append([outcome]);
  });
  expect(fault).toMatchObject({ code: "HF-JOURNAL-FULL", exit: "journal" });
  const before = journal.read(run.run).length;
  expect(journal.verify()).toMatchObject({ intact: true, events: before });
  clear();
  run.append([closed()]);
  expect(journal.verify()).toMatchObject({ intact: true, events: before + 1 });
  expect(filesWith(folder, "run.closed")).not.toEqual([]);
});
