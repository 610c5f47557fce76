import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFault } from "./fault.ts";
import { withDirtyread } from "../support/dirtyread.ts";
import { canMount } from "./place.ts";
import type { PostgresCase } from "./postgres-incident.ts";
import { postgresWorld } from "./postgres-world.ts";
import { violationLines } from "./say.ts";
import { type Trial, trial } from "./trial.ts";
import type { CrashWorld } from "./world.ts";

type Cases = readonly (readonly [PostgresCase, readonly string[]])[];
const cases: Cases = [
  [{ path: "wal", incident: "delete" }, ["kill@wal.spooled#2", "kill@lease.made:scratch-server#1"]],
  [
    { path: "clone", incident: "delete" },
    [
      "kill@clone.staged:backup#1",
      "kill@clone.paused:before#1 kill@clone.paused:before#1",
      "kill@step.effected:rescue#1",
      // Only root can mount a small disk; the test of a full disk for the journal says so loudly.
      ...(canMount ? ["full-scratch@clone.staged:backup#1"] : []),
    ],
  ],
  [
    { path: "beside", incident: "delete" },
    [
      "kill@step.ended:start-clone#1",
      "kill@clone.staged:log#1 kill@step.intended:rescue-rest#1",
      "kill@clone.paused:after#1",
      "kill@step.effected:rescue-rest#1",
    ],
  ],
];

/** What rows were before comes back, each set back exactly once. */
const ofValues: Cases = [
  [
    { path: "recommended", incident: "update" },
    ["kill@marker.before-commit#2", "kill@marker.after-commit#3 kill@marker.worked#1", "kill@step.effected:merge#1"],
  ],
];

/** Rows in conflict are decided about, and written all the same. */
const ofConflicts: Cases = [
  [
    { path: "recommended", incident: "remade" },
    ["kill@step.ended:conflicts:remade#1", "kill@step.effected:safety-copy#1 kill@marker.before-commit#2"],
  ],
  [{ path: "recommended", incident: "changed" }, ["kill@marker.after-commit#3 kill@step.effected:merge#1"]],
];

/** It makes an extension on the target, and no scratch server. */
const onDebian: Cases = [
  [
    { path: "pg-dirtyread", incident: "delete" },
    ["kill@lease.made:extension#2", "kill@marker.before-commit#1", "kill@step.effected:rescue#1"],
  ],
];

const killed = (which: Cases) =>
  describe.each(which)("restore-after-bad-delete by another path: %o", (which, plans) => {
    let world: CrashWorld;
    let whole: Trial;
    beforeAll(async () => {
      world = await postgresWorld(which);
      whole = await trial(world, { faults: [], face: "json" });
    });
    afterAll(() => world.end());

    test.each(plans)("%s: each row is back exactly once, and nothing is left", async (plan) => {
      expect(violationLines(whole)).toEqual([]);
      const faults = plan.split(" ").map(readFault);
      const result = await trial(world, { faults, face: "json" }, whole);
      expect(result.processes.slice(0, faults.length).map(({ struck }) => struck)).toEqual(faults.map(() => true));
      expect(violationLines(result)).toEqual([]);
    });
  });

killed(cases);
killed(ofValues);
killed(ofConflicts);
withDirtyread(() => killed(onDebian));
