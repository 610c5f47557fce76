import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DrillParts, drillTarget, runDrill } from "../../../src/cli/drill.ts";
import type { DrillReport } from "../../../src/cli/rehearsal/report.ts";
import { operate } from "../../../src/cli/rehearsal/scripted-operator.ts";
import { sessionOn } from "../../../src/cli/rehearsal/stage.ts";
import { assemble } from "../../../src/compose.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { connect } from "../../../src/engines/postgres/connection.ts";
import { postgresRehearsals } from "../../../src/engines/postgres/rehearse/rehearsals.ts";
import { type IncidentKind, offeredIncidents, type Rehearsal } from "../../../src/engines/rehearse.ts";
import { openJournal } from "../../../src/journal/open.ts";
import type { Session } from "../../../src/runner/session.ts";
import { limitsWith } from "../../support/limits.ts";

let base: string;
let said: string[];
let reports: DrillReport[];
let stage: Rehearsal;
beforeEach(() => {
  base = mkdtempSync(path.join(os.tmpdir(), "hf-dr-"));
  chmodSync(base, 0o711);
  said = [];
  reports = [];
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const scratch = () => path.join(base, "scratch");
const journalFolder = () => path.join(base, "journal");

function partsWith(drive: (session: Session, kind: IncidentKind) => void): DrillParts {
  return {
    rehearsals: postgresRehearsals({
      scratch: scratch(),
      name: "drill",
      what: "drill",
      serverBinaries: {},
      clock: systemClock,
    }),
    workbenchFor: (rehearsal, name) => {
      stage = rehearsal;
      return Promise.resolve(
        assemble({
          targets: [
            {
              target: { name, engine: rehearsal.engine, environment: "production", database: rehearsal.database },
              url: () => Promise.resolve(rehearsal.url()),
              ...(rehearsal.backup === undefined ? {} : { backup: rehearsal.backup }),
            },
          ],
          journalFolder: journalFolder(),
          scratch: path.join(rehearsal.folder, "s"),
          serverBinaries: {},
          limits: limitsWith({ batchRows: 500, lockTimeoutMs: 2000 }),
          policy: { stopFile: path.join(base, "stop"), ticket: "none" },
          person: { operator: "ops_k", host: "bastion" },
          version: "0",
          secrets: [],
        }),
      );
    },
    say: (line) => said.push(line),
    again: "holdfast drill restore-after-bad-delete",
    showCommand: (run) => `holdfast journal show ${run}`,
    drive: async (bench, at, kind) => {
      const session = sessionOn(bench, at);
      drive(session, kind);
      return (await session.ended).exit;
    },
    tellReport: (report) => reports.push(report),
  };
}

const wishes = {
  runbook: "restore-after-bad-delete",
  rows: 2000,
  incident: null,
  fresh: false,
  keep: false,
} as const;
const byItself = () => partsWith((session, kind) => void operate(session, kind));
/** Left at its first question. */
const leaving = () => partsWith((session) => void session.subscribe(() => session.state.question && session.pause("")));

function journaled() {
  const journal = openJournal({ folder: journalFolder(), clock: systemClock });
  try {
    return journal.runs().map((run) => ({
      ...run,
      notes: journal.read(run.run).flatMap(({ event }) => (event.kind === "note.added" ? [event.text] : [])),
      intact: journal.verify(run.run).intact,
    }));
  } finally {
    journal.close();
  }
}

test.each<IncidentKind>([...offeredIncidents])(
  "a drill of %s ends with every row back, a report that is right, a journaled drill, and nothing left",
  async (incident) => {
    expect(await runDrill(byItself(), { ...wishes, incident })).toBe("ok");
    const [report] = reports;
    expect(report).toMatchObject({ verdict: "proved", lost: 0, truth: { equal: true } });
    expect(report?.traffic?.changes).toBeGreaterThan(0);
    expect(report?.rows?.rescued).toBeGreaterThanOrEqual(report?.incident.rows ?? Number.NaN);
    const merge = report?.steps.find(({ step }) => step === "merge");
    if (incident !== "update") {
      expect(report).toMatchObject({ conflicts: [], rows: { back: report?.rows?.rescued, notBack: 0 } });
      expect(merge?.counts).toEqual([{ what: "insert", planned: report?.rows?.rescued, done: report?.rows?.rescued }]);
    }
    expect(report?.steps.every(({ status }) => status === "done" || status === "skipped")).toBe(true);
    expect(report?.workedMs).toBeGreaterThan(0);
    expect(report?.elapsedMs).toBeGreaterThanOrEqual(merge?.tookMs ?? Number.NaN);
    const [run, ...others] = journaled();
    expect(others).toEqual([]);
    expect(run).toMatchObject({ purpose: "drill", status: "done", target: drillTarget, intact: true });
    expect(run?.notes[0]).toContain("Somebody ran:");
    expect(run?.notes.at(-1)).toMatch(new RegExp(`^Drill of restore-after-bad-delete, incident ${incident}: PROVED`));
    expect(readdirSync(scratch()).filter((name) => !name.startsWith("programs-"))).toEqual([]);
    expect(said.every((line) => /^[\x20-\x7e]*$/.test(line))).toBe(true);
  },
);

test("a row that is lost after all makes the drill fail, whatever the run says of itself", async () => {
  const spoil = async () => {
    const clumsy = await connect({ url: stage.url(), application: "t", effect: "writing" });
    await clumsy.run("spoiling", "delete from public.payments where id = (select min(id) from public.payments)");
    await clumsy.close();
  };
  const parts = byItself();
  const drive: DrillParts["drive"] = async (bench, at, kind) => {
    const exit = await parts.drive(bench, at, kind);
    await spoil();
    return exit;
  };
  expect(await runDrill({ ...parts, drive }, wishes)).toBe("not-proved");
  expect(reports[0]).toMatchObject({ verdict: "not-proved", rows: { notBack: 0 } });
  expect(reports[0]?.truth.tables.find(({ missing }) => missing > 0)).toMatchObject({
    table: "public.payments",
    missing: 1,
  });
  expect(journaled()[0]?.notes.at(-1)).toContain("NOT PROVED");
});

test("a drill that is given up says so, and is removed all the same", async () => {
  const parts = partsWith(
    (session) => void session.subscribe(() => session.state.question && session.abandon("enough")),
  );
  expect(await runDrill(parts, wishes)).toBe("abandoned");
  expect(reports[0]).toMatchObject({ verdict: "given-up", rows: null, truth: { equal: false } });
  expect(journaled()).toMatchObject([{ status: "abandoned", purpose: "drill" }]);
  expect(existsSync(stage.folder)).toBe(false);
});

test("a drill that is left goes on with the same run, with customers again once the evidence is held", async () => {
  expect(await runDrill(leaving(), { ...wishes, incident: "cascade" })).toBe("paused");
  expect(existsSync(stage.folder)).toBe(true);
  expect(reports).toEqual([]);
  expect(said.slice(-2)).toEqual([
    "The run is not finished, and its server's folder is kept. Go on with:",
    "  holdfast drill restore-after-bad-delete",
  ]);
  said = [];
  expect(await runDrill(byItself(), { ...wishes, incident: "delete" })).toBe("ok");
  expect(said[0]).toBe("An earlier drill is not finished: going on with it.");
  expect(said[1]).toContain("Its incident is cascade, not delete.");
  expect(reports[0]).toMatchObject({ verdict: "proved", resumes: 1, incident: { kind: "cascade" } });
  expect(reports[0]?.traffic?.changes).toBeGreaterThan(0);
  expect(journaled()).toMatchObject([{ status: "done" }]);
  expect(existsSync(stage.folder)).toBe(false);
});

test("a fresh drill gives the left run up, and with --keep the server's folder stays until the next one", async () => {
  expect(await runDrill(leaving(), wishes)).toBe("paused");
  expect(await runDrill(byItself(), { ...wishes, fresh: true, keep: true })).toBe("ok");
  expect(
    journaled()
      .map(({ status }) => status)
      .toSorted(),
  ).toEqual(["abandoned", "done"]);
  expect(existsSync(stage.folder)).toBe(true);
  expect(said.join("\n")).toContain(`Its folder is kept until the next drill: ${stage.folder}`);
  expect(await runDrill(byItself(), wishes)).toBe("ok");
  expect(said.join("\n")).not.toContain("An earlier drill is not finished");
  expect(existsSync(stage.folder)).toBe(false);
});

test("a drill whose server's folder was removed is closed by the next one, so that no run stands open for ever", async () => {
  const afterHold = partsWith((session, kind) => {
    const leave = operate(session, kind);
    session.events(({ event }) => {
      if (event.kind !== "step.ended" || event.step !== "freeze") return;
      leave();
      session.pause("enough for today");
    });
  });
  expect(await runDrill(afterHold, wishes)).toBe("paused");
  rmSync(stage.folder, { recursive: true });
  expect(await runDrill(byItself(), wishes)).toBe("ok");
  expect(said.join("\n")).toMatch(/The drill \w{4} is closed: its server is gone/);
  expect(journaled()).toMatchObject([
    { status: "done", intact: true },
    { status: "abandoned", intact: true },
  ]);
});
