/**
 * One process of a test with several: `node process.ts MODE FOLDER [RUN] [COUNT|BOUNDARY]`. It acknowledges on stdout, by a synchronous
 * write, only what the journal has acknowledged to it.
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../src/core/clock.ts";
import { Fault } from "../../src/core/errors.ts";
import { newRunId } from "../../src/core/ids.ts";
import { openJournal } from "../../src/journal/open.ts";
import { sealPlan } from "../../src/core/plan.ts";

const [, , mode = "", folder = "", run = "", limit = ""] = process.argv;
const say = (text: string) => void writeSync(1, `${text}\n`);
const die = (name: string) => {
  if (mode === "die-at" && name === limit) process.kill(process.pid, "SIGKILL");
};
const journal = openJournal({ folder, clock: systemClock, reached: die });
const plan = sealPlan({
  format: 1,
  runbook: { id: "r", title: "R", text: "", digest: "" },
  inputs: {},
  targets: {},
  steps: [],
});

try {
  const driven =
    mode === "open" || mode === "die-open"
      ? journal.open({
          kind: "run.opened",
          run: newRunId(Date.now()),
          plan,
          purpose: "live",
          person: { operator: "child", host: "here" },
          version: "0",
          wishes: { choices: {}, keepRescue: false },
        })
      : journal.take(run);
  say(`run ${driven.run}`);
  const count = mode === "open" ? Number(limit) : Infinity;
  for (let n = 1; n <= count; n += 1) {
    const [stamped] = driven.append([{ kind: "note.added", text: `note ${n}`, by: "child" }]);
    say(`seq ${stamped?.seq ?? 0}`);
  }
  driven.release();
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  say(`fault ${error.record.code} ${error.record.exit} ${error.record.message}`);
} finally {
  journal.close();
}
