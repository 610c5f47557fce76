import { describe, expect, test } from "vitest";
import type { Action } from "../../src/actions/action.ts";
import { Fault } from "../../src/core/errors.ts";
import type { RunEvent } from "../../src/core/event.ts";
import { isJsonObject } from "../../src/core/json.ts";
import { stepOf } from "../../src/core/run-state.ts";
import { endSession } from "../../src/engines/memory/connection.ts";
import { openRun, resumeRun } from "../../src/runner/open-session.ts";
import type { Session } from "../../src/runner/session.ts";
import { aLease, anAction, answering, live, planOf, setKeeper, world, yes } from "../support/runner.ts";

const total = 30;

/** A merge of three batches of ten. Progress is told one batch late, as the real one tells it; only markers tell the truth. */
function merging(inBatch: (nth: number) => void) {
  const { parts, server, journal, ledger } = world();
  const area = new Set<string>();
  const merge = anAction(
    "merge",
    "write",
    async (ctx) => {
      const last = await ctx.batches("t", async (_tx, before) => {
        const rows = typeof before?.cursor === "number" ? before.cursor : 0;
        ctx.progress({ done: rows, total, unit: "rows" });
        inBatch(rows / 10 + 1);
        ledger.push(`${rows + 1} to ${rows + 10}`);
        return { cursor: rows + 10, done: rows + 10 === total, result: { inserted: rows + 10 } };
      });
      return last.result;
    },
    {
      written: (_params, markers) => {
        const kept = markers[0]?.result;
        const rows = isJsonObject(kept) && typeof kept.inserted === "number" ? kept.inserted : 0;
        return { rows, done: rows, total, unit: "rows", tables: rows === 0 ? [] : [{ table: "public.orders", rows }] };
      },
    },
  );
  const prepare = anAction("prepare", "hold", async (ctx) => {
    await ctx.capability("marker").create();
    await ctx.lease({ lease: aLease("area", "rescued", true), take: async () => (area.add("rescued"), null) });
    return null;
  });
  const release = anAction("release", "hold", async (ctx) => {
    for (const lease of ctx.leases()) await ctx.releaseLease(lease);
    return null;
  });
  const actions: readonly Action[] = [prepare, merge, release];
  const all = { ...parts, actions, machineKeepers: { area: setKeeper(area) } };
  const cut = () => server.change((state) => Object.keys(state.sessions).forEach((id) => endSession(state, id)));
  return { parts: all, plan: planOf(actions, "sandbox"), journal, ledger, area, server, cut };
}

function eventsOf(journal: { read(run: string): readonly { readonly event: RunEvent }[] }, { run }: Session) {
  return journal.read(run).map(({ event }) => event);
}

describe("a run that is stopped in the middle of its write", () => {
  test("asks the target at once, journals what is written, and is neither unknown nor not begun", async () => {
    let session: Session | null = null;
    const { parts, plan, journal, ledger } = merging((nth) => nth === 2 && session?.pause("Ctrl-C"));
    session = answering(openRun(parts, plan, live), yes);
    const end = await session.ended;
    const step = stepOf(end.state, "merge");
    expect([end.exit, end.state.status, step.status, ledger.length]).toEqual(["paused", "paused", "stopped", 2]);
    expect(step.progress?.done).toBe(10);
    expect(step.written).toMatchObject({ rows: 20, total, attempt: 1, tables: [{ table: "public.orders", rows: 20 }] });
    expect(eventsOf(journal, session).slice(-2)).toMatchObject([
      { kind: "step.settled", step: "merge", finding: "partial", decision: "go-on", written: { rows: 20 } },
      { kind: "run.paused", reason: "Ctrl-C" },
    ]);
  });

  test("is gone on with from there: each batch is there once, and it is settled once", async () => {
    let session: Session | null = null;
    const { parts, plan, journal, ledger } = merging((nth) => nth === 2 && session?.pause("Ctrl-C"));
    session = answering(openRun(parts, plan, live), yes);
    await session.ended;
    const again = await answering(resumeRun(parts, session.run, live), yes).ended;
    expect([again.exit, ledger]).toEqual(["ok", ["1 to 10", "11 to 20", "21 to 30"]]);
    expect(eventsOf(journal, session).filter(({ kind }) => kind === "step.settled")).toHaveLength(1);
  });

  test("is not called not begun either while its confirmation waits again, nor when it is left there", async () => {
    let session: Session | null = null;
    const { parts, plan } = merging((nth) => nth === 2 && session?.pause("Ctrl-C"));
    session = answering(openRun(parts, plan, live), yes);
    await session.ended;
    const again = resumeRun(parts, session.run, live);
    answering(again, () => (again.pause("left"), null));
    const end = await again.ended;
    expect([stepOf(end.state, "merge").status, stepOf(end.state, "merge").written?.rows]).toEqual(["stopped", 20]);
  });

  test("whose target no longer answers keeps its intent open, for a resume to ask", async () => {
    const scene: { session?: Session } = {};
    const { parts, plan, journal, cut } = merging(() => undefined);
    const merge = anAction("merge", "write", async (ctx) => {
      scene.session?.pause("Ctrl-C");
      cut();
      return (await ctx.batches("t", async () => ({ cursor: 1, done: true, result: null }))).cursor;
    });
    const actions = parts.actions.map((action) => (action.name === "merge" ? merge : action));
    scene.session = answering(openRun({ ...parts, actions }, plan, live), yes);
    const end = await scene.session.ended;
    expect([end.exit, end.state.status, stepOf(end.state, "merge").status]).toEqual(["paused", "paused", "unknown"]);
    expect(eventsOf(journal, scene.session).map(({ kind }) => kind)).not.toContain("step.settled");
  });
});

describe("a write that fails", () => {
  test("says what stays by its markers, not by the progress that came before", async () => {
    const { parts, plan } = merging((nth) => {
      if (nth === 3) throw new Fault("HF-TEST", "a value was refused", { after: "rolled-back" });
    });
    const seen: string[] = [];
    const session = answering(openRun(parts, plan, live), (question) => {
      if (question.kind !== "failure") return yes(question);
      seen.push(...question.known);
      return { kind: "act", act: "leave" };
    });
    const end = await session.ended;
    expect(seen).toContain("20 of 30 rows are written, and stay: the target was asked");
    expect(stepOf(end.state, "merge")).toMatchObject({ status: "failed", written: { rows: 20, attempt: 1 } });
  });
});

describe("a run that is given up", () => {
  test("in the middle of its write asks the target what stays before it gives anything back", async () => {
    let session: Session | null = null;
    const { parts, plan, journal, area } = merging((nth) => nth === 2 && session?.abandon("given up"));
    session = answering(openRun(parts, plan, live), yes);
    const end = await session.ended;
    expect([end.exit, [...area]]).toEqual(["abandoned", []]);
    expect(stepOf(end.state, "merge")).toMatchObject({ status: "stopped", written: { rows: 20 } });
    const kinds = eventsOf(journal, session).map(({ kind }) => kind);
    expect(kinds.indexOf("step.settled")).toBeGreaterThan(0);
    expect(kinds.indexOf("step.settled")).toBeLessThan(kinds.indexOf("lease.released"));
  });

  test("where its write is unknown counts what the markers prove, though its journal never heard of it", async () => {
    const { parts, plan, journal, ledger } = merging(() => undefined);
    const reached = (name: string) => {
      if (name === "batch.done" && ledger.length === 2) throw new Error("a fault of ours");
    };
    const headless = { ...live, interactive: false, yesSandbox: true };
    const session = openRun({ ...parts, reached }, plan, headless);
    const before = stepOf((await session.ended).state, "merge");
    expect([before.status, before.progress?.done, before.written]).toEqual(["unknown", 10, undefined]);
    const taken = resumeRun(parts, session.run, live);
    taken.abandon("given up by the operator"); // before its first step can begin
    const end = await taken.ended;
    expect(end.exit).toBe("abandoned");
    expect(stepOf(end.state, "merge")).toMatchObject({ status: "stopped", written: { rows: 20 } });
    expect(eventsOf(journal, session).at(-1)).toMatchObject({ kind: "run.closed", outcome: "abandoned" });
  });

  test("at the question after a failure keeps that it failed, and what the target counted then", async () => {
    const { parts, plan, journal } = merging((nth) => {
      if (nth === 3) throw new Fault("HF-TEST", "a value was refused", { after: "rolled-back" });
    });
    const session = answering(openRun(parts, plan, live), (question) =>
      question.kind === "failure" ? { kind: "act", act: "abandon" } : yes(question),
    );
    const end = await session.ended;
    expect([end.exit, end.state.status]).toEqual(["abandoned", "abandoned"]);
    expect(stepOf(end.state, "merge")).toMatchObject({
      status: "failed",
      progress: { done: 20 },
      written: { rows: 20 },
    });
    expect(eventsOf(journal, session)).toContainEqual(
      expect.objectContaining({
        kind: "step.ended",
        outcome: "failed",
        written: expect.objectContaining({ rows: 20 }),
      }),
    );
  });

  test("while the target can't tell what stays is not given up: nothing is given back, and it stays open", async () => {
    let isCut = false;
    const scene = merging((nth) => {
      if (nth !== 2) return;
      isCut = true;
      scene.cut();
    });
    const session = answering(openRun(scene.parts, scene.plan, live), (question) => {
      if (question.kind !== "failure") return yes(question);
      scene.server.down = true;
      setImmediate(() => session.abandon("given up by the operator"));
      return null;
    });
    const end = await session.ended;
    expect([isCut, end.exit, end.state.status, [...scene.area]]).toEqual([true, "unreachable", "paused", ["rescued"]]);
    expect(eventsOf(scene.journal, session).map(({ kind }) => kind)).not.toContain("run.closed");
  });
});
