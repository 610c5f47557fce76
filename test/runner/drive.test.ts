import { describe, expect, test } from "vitest";
import { Fault } from "../../src/core/errors.ts";
import type { RunEvent } from "../../src/core/event.ts";
import { stepOf } from "../../src/core/run-state.ts";
import type { Guard } from "../../src/guards/guard.ts";
import type { Question } from "../../src/core/question.ts";
import { endSession } from "../../src/engines/memory/connection.ts";
import { memoryServer } from "../../src/engines/memory/server.ts";
import { targetLock } from "../../src/guards/target-lock.ts";
import { openRun, resumeRun } from "../../src/runner/open-session.ts";
import { aLease, anAction, answering, live, planOf, setKeeper, world, yes } from "../support/runner.ts";

const kinds = (events: readonly { readonly event: RunEvent }[]) => events.map(({ event }) => event.kind);

describe("a run", () => {
  test("journals each intent before its effect and each outcome before the next step", async () => {
    const { parts, journal, ledger } = world();
    const effect = (name: string) =>
      anAction(name, "write", async (ctx) => {
        ledger.push(kinds(journal.read(ctx.run)).at(-1) ?? "");
        return null;
      });
    const actions = [effect("one"), effect("two")];
    const session = answering(openRun({ ...parts, actions }, planOf(actions, "sandbox"), live), yes);
    expect((await session.ended).exit).toBe("ok");
    expect(ledger).toEqual(["step.intended", "step.intended"]);
    expect(
      kinds(journal.read(session.run)).filter((kind) => kind === "step.intended" || kind === "step.ended"),
    ).toEqual(["step.intended", "step.ended", "step.intended", "step.ended"]);
    expect(journal.verify().intact).toBe(true);
  });

  test("a read step costs two appends: what was found with the intent, and the outcome", async () => {
    const { parts, journal } = world();
    const actions = [anAction("look", "read", async () => ({ rows: 1 }))];
    let appends = 0;
    const counting = { ...journal, open: (event: Parameters<typeof journal.open>[0]) => counted(journal.open(event)) };
    const counted = (run: ReturnType<typeof journal.open>) => ({
      ...run,
      append: (...args: Parameters<typeof run.append>) => (
        args[1] === "passing" ? undefined : (appends += 1),
        run.append(...args)
      ),
    });
    const session = openRun({ ...parts, journal: counting, actions }, planOf(actions, "production"), live);
    expect((await session.ended).exit).toBe("ok");
    // identified, intent with its checks, outcome, closed
    expect(appends).toBe(4);
  });

  test("a guard that denies, and one that can't be evaluated, stop the step before its intent and close an untouched run", async () => {
    const guard = (judge: Guard["judge"]): Guard => ({
      name: "g",
      summary: "",
      before: ["write"],
      sandbox: "asked",
      watched: false,
      judge,
    });
    const deny = guard(async () => ({ verdict: "deny", reason: "no" }));
    const broken = guard(async () => {
      throw new Error("can't look");
    });
    for (const one of [deny, broken]) {
      const { parts, ledger, journal } = world({ guards: [one] });
      const actions = [anAction("merge", "write", async () => (ledger.push("x"), null))];
      const session = openRun({ ...parts, actions }, planOf(actions, "sandbox"), {
        ...live,
        interactive: false,
        yesSandbox: true,
      });
      const end = await session.ended;
      expect(end.exit).toBe("refused");
      expect(end.state.status).toBe("abandoned");
      expect(ledger).toEqual([]);
      expect(kinds(journal.read(session.run))).toContain("guard.judged");
    }
  });

  test("a sandbox skips the guards that say so, and the journal shows that they were", async () => {
    const ticket: Guard = {
      name: "ticket",
      summary: "",
      before: ["write"],
      sandbox: "skipped",
      watched: false,
      judge: async () => ({ verdict: "deny", reason: "none" }),
    };
    const { parts } = world({ guards: [ticket] });
    const actions = [anAction("merge", "write", async () => null)];
    const end = await answering(openRun({ ...parts, actions }, planOf(actions, "sandbox"), live), yes).ended;
    expect(end.exit).toBe("ok");
    expect(end.state.guards).toMatchObject([{ guard: "ticket", verdict: "skipped" }]);
  });

  test("a watched guard that turns to deny pauses a running step at its next safe point", async () => {
    let raised = false;
    const stop: Guard = {
      name: "stop-file",
      summary: "",
      before: ["write"],
      sandbox: "asked",
      watched: true,
      judge: async () => (raised ? { verdict: "deny", reason: "raised" } : { verdict: "allow", reason: "none" }),
    };
    const { parts, ledger } = world({ guards: [stop] });
    const long = anAction("merge", "write", async (ctx) => {
      await ctx.capability("marker").create();
      raised = true;
      return (
        await ctx.batches("t", async (_tx, before) => {
          ledger.push("batch");
          await parts.clock.sleep(300);
          return { cursor: ledger.length, done: before !== null && ledger.length > 50, result: null };
        })
      ).cursor;
    });
    const end = await answering(openRun({ ...parts, actions: [long] }, planOf([long], "sandbox"), live), yes).ended;
    expect(end.exit).toBe("refused");
    expect(end.state.status).toBe("paused");
    expect(ledger.length).toBeLessThan(10);
  });

  test("a second operator on the same target is turned away with who holds it", async () => {
    const first = world();
    const wait = anAction("wait", "hold", async () => null);
    const plan = planOf([wait], "production");
    const holding = openRun({ ...first.parts, actions: [wait] }, plan, live);
    await until(() => holding.state.question !== null);
    const second = world({ server: first.server });
    const end = await openRun({ ...second.parts, actions: [wait] }, plan, live).ended;
    expect(end.exit).toBe("busy");
    expect(end.fault?.message).toContain("ops@bastion");
    holding.pause("done looking");
    expect((await holding.ended).exit).toBe("paused");
  });

  test("a headless failure stops with the fault's exit and leaves the run open; a resume tries that step again", async () => {
    const { parts, ledger } = world();
    let works = false;
    const actions = [
      anAction("merge", "write", async () => {
        if (!works) throw new Fault("HF-TEST", "it broke");
        ledger.push("merged");
        return null;
      }),
    ];
    const headless = { ...live, interactive: false, yesSandbox: true };
    const session = openRun({ ...parts, actions }, planOf(actions, "sandbox"), headless);
    const end = await session.ended;
    expect([end.exit, end.fault?.code, stepOf(end.state, "merge").status]).toEqual(["failed", "HF-TEST", "failed"]);
    works = true;
    const again = await resumeRun({ ...parts, actions }, session.run, headless).ended;
    expect([again.exit, ledger, stepOf(again.state, "merge").attempt]).toEqual(["ok", ["merged"], 2]);
  });

  test("a person is asked after a failure, and retry confirms anew and runs the step once more", async () => {
    const { parts, ledger } = world();
    const actions = [
      anAction("merge", "write", async () => {
        ledger.push("try");
        if (ledger.length === 1) throw new Fault("HF-TEST", "it broke", { after: "rolled-back" });
        return null;
      }),
    ];
    const seen: string[] = [];
    const session = answering(
      openRun({ ...parts, actions }, planOf(actions, "sandbox"), live),
      (question) => (seen.push(question.kind), yes(question)),
    );
    expect((await session.ended).exit).toBe("ok");
    expect(seen).toEqual(["confirm", "failure", "confirm"]);
    expect(ledger).toEqual(["try", "try"]);
  });

  test("a resume of a run that has ended is refused without a word in its journal", async () => {
    const { parts, journal } = world();
    const actions = [anAction("look", "read", async () => null)];
    const session = openRun({ ...parts, actions }, planOf(actions, "sandbox"), live);
    await session.ended;
    const before = journal.read(session.run).length;
    expect(() => resumeRun({ ...parts, actions }, session.run, live)).toThrow("has ended");
    expect(journal.read(session.run)).toHaveLength(before);
  });
});

describe("a step that did its work", () => {
  test("is not called failed for a proof that could not be made: its result stays, and the exit says not-proved", async () => {
    const { parts, ledger } = world();
    const actions = [
      anAction("merge", "write", async () => ({ inserted: ledger.push("merged") }), {
        verify: async () => {
          throw new Fault("HF-TEST-LOST", "the reading session is gone");
        },
      }),
    ];
    const headless = { ...live, interactive: false, yesSandbox: true };
    const end = await openRun({ ...parts, actions }, planOf(actions, "sandbox"), headless).ended;
    expect([end.exit, end.fault?.code, end.fault?.still]).toEqual([
      "not-proved",
      "HF-TEST-LOST",
      "What the step did is done; only its proof is missing.",
    ]);
    expect(stepOf(end.state, "merge").result).toEqual({ inserted: 1 });
  });

  test("that a bug ended is unknown, its words stay out of the journal, and its stack is handed on", async () => {
    const { parts, journal } = world();
    const actions = [
      anAction("merge", "write", async () => {
        throw new TypeError("cannot read 'secret row value'");
      }),
    ];
    const headless = { ...live, interactive: false, yesSandbox: true };
    const session = openRun({ ...parts, actions }, planOf(actions, "sandbox"), headless);
    const end = await session.ended;
    expect([end.exit, stepOf(end.state, "merge").status, end.bug]).toEqual([
      "unknown",
      "unknown",
      expect.any(TypeError),
    ]);
    expect(JSON.stringify(journal.read(session.run))).not.toContain("secret row value");
  });
});

describe("unknown outcomes", () => {
  test("a connection lost around COMMIT is unknown; finding out reads the marker, and the effect is there once either way", async () => {
    for (const when of ["before-commit", "after-commit"] as const) {
      const { parts, server, ledger } = world();
      const actions = [
        anAction("prepare", "hold", async (ctx) => (await ctx.capability("marker").create(), null)),
        anAction("merge", "write", async (ctx) => ctx.once("t", async () => (ledger.push("effect"), 1))),
      ];
      server.faults.push({ when, key: "merge" });
      const seen: string[] = [];
      const session = answering(
        openRun({ ...parts, actions }, planOf(actions, "sandbox"), { ...live, interactive: true }),
        (question) => {
          seen.push(
            question.kind === "failure"
              ? `failure at ${question.step}: ${question.unknown.length} unknown`
              : question.kind,
          );
          return yes(question);
        },
      );
      const end = await session.ended;
      expect(seen).toContain("failure at merge: 1 unknown");
      if (end.exit !== "ok") {
        // the session on the server is gone: a resume connects anew and settles
        const again = await answering(resumeRun({ ...parts, actions }, session.run, live), yes).ended;
        expect(again.exit).toBe("ok");
      }
      expect(ledger.length).toBe(when === "after-commit" ? 1 : 2); // the transaction before COMMIT rolled back
    }
  });
});

describe("a connection that is lost while the run is driven", () => {
  /** A write whose connection goes in the middle of it, the first time. */
  function cutShort(more: Parameters<typeof world>[0] = {}) {
    const { parts, server, journal, ledger } = world(more);
    const cut = () => server.change((state) => Object.keys(state.sessions).forEach((id) => endSession(state, id)));
    const actions = [
      anAction("prepare", "hold", async (ctx) => (await ctx.capability("marker").create(), null)),
      anAction("merge", "write", async (ctx) => {
        if (ledger.length === 0) ledger.push("cut");
        if (ledger.at(-1) === "cut") cut();
        return ctx.once("t", async () => (ledger.push("effect"), 1));
      }),
    ];
    return { parts: { ...parts, actions }, server, journal, ledger, plan: planOf(actions, "sandbox") };
  }
  const acts = (question: Question) =>
    question.kind === "failure"
      ? ({ kind: "act", act: question.unknown.length > 0 ? "find-out" : "retry" } as const)
      : yes(question);

  test("is made anew by the way on: the same server, its lock, the fence, then what is unknown is settled, and the effect is there once", async () => {
    const { parts, journal, ledger, plan } = cutShort();
    const asked: string[] = [];
    const session = answering(openRun(parts, plan, live), (question) => {
      asked.push(question.kind);
      if (question.kind === "failure") {
        expect(
          question.options.some(({ label, recommended }) => recommended && label.startsWith("connect anew, then")),
        ).toBe(true);
        expect(question.facts.at(-1)?.text).toContain("Connecting anew proves that it is the same server");
        ledger.push("connected");
      }
      return acts(question);
    });
    expect((await session.ended).exit).toBe("ok");
    expect(ledger).toEqual(["cut", "connected", "effect"]);
    expect(asked).toEqual(["confirm", "confirm", "failure", "confirm"]);
    const events = journal.read(session.run).map(({ event }) => event);
    expect(events.filter(({ kind }) => kind === "target.identified")).toHaveLength(2);
    expect(events).toContainEqual(
      expect.objectContaining({
        kind: "guard.judged",
        guard: "fence",
        reason: "no session of an earlier connection is left",
      }),
    );
    expect(events.filter(({ kind }) => kind === "run.resumed" || kind === "run.paused")).toEqual([]);
  });

  test("stays a question while nobody answers there, and giving up waits for the server too", async () => {
    const { parts, server, ledger, plan } = cutShort();
    const asked: string[] = [];
    const session = answering(openRun(parts, plan, live), (question) => {
      if (question.kind !== "failure") return yes(question);
      asked.push(question.asks);
      if (asked.length === 1) server.down = true;
      if (asked.length === 3) server.down = false;
      if (asked.length === 2) return { kind: "act", act: "abandon" };
      ledger.push("connected");
      return acts(question);
    });
    expect((await session.ended).exit).toBe("ok");
    expect(asked.slice(1).every((text) => text.includes("No server answers"))).toBe(true);
    expect(asked).toHaveLength(3);
    expect(ledger.filter((what) => what === "effect")).toHaveLength(1);
  });

  test("also where only the lock's session was lost, and a guard saw it after the confirmation", async () => {
    const { parts, server, ledger, plan } = cutShort({ guards: [targetLock] });
    ledger.push("not cut in the write");
    const asked: string[] = [];
    const session = answering(openRun(parts, plan, live), (question) => {
      asked.push(`${question.kind} ${question.step}`);
      if (asked.length === 2) server.change((state) => void (state.lock = null));
      if (question.kind === "failure") asked.push(question.facts[0]?.text ?? "");
      return acts(question);
    });
    expect((await session.ended).exit).toBe("ok");
    expect(asked).toEqual(["confirm prepare", "confirm merge", "failure merge", "HF-LOCK-LOST", "confirm merge"]);
    expect(ledger).toEqual(["not cut in the write", "effect"]);
  });

  test("that leads to another server ends here: nothing is done there", async () => {
    const { parts, journal, plan } = cutShort();
    const other = memoryServer();
    const elsewhere = world({ server: other }).parts.connect;
    let isMoved = false;
    const connect: typeof parts.connect = (...args) => (isMoved ? elsewhere : parts.connect)(...args);
    const session = answering(openRun({ ...parts, connect }, plan, live), (question) => {
      if (question.kind === "failure") isMoved = true;
      return acts(question);
    });
    const end = await session.ended;
    expect([end.exit, end.fault?.code]).toEqual(["wrong-target", "HF-TARGET-OTHER"]);
    expect(journal.read(session.run).at(-1)?.event.kind).toBe("run.paused");
    expect(other.read((state) => [Object.keys(state.sessions), state.lock])).toEqual([[], null]);
  });

  test("is not made anew where another run took the target meanwhile", async () => {
    const { parts, server, plan } = cutShort();
    const asked: string[] = [];
    const session = answering(openRun(parts, plan, live), (question) => {
      if (question.kind !== "failure") return yes(question);
      asked.push(question.asks);
      if (asked.length > 1) return { kind: "act", act: "leave" };
      server.change((state) => {
        state.sessions["other"] = { pid: process.pid, run: "another", person: "eve@desk", doing: "idle", since: "" };
        state.lock = { session: "other", holder: "eve@desk" };
      });
      return acts(question);
    });
    expect((await session.ended).exit).toBe("paused");
    expect(asked[1]).toContain("another run holds this target");
  });
});

describe("leases", () => {
  test("a run can't close while one is open, and can once it was given back or kept with a date", async () => {
    const there = new Set<string>();
    const take = anAction("take", "hold", async (ctx) => {
      await ctx.lease({ lease: aLease("thing", "a"), take: async () => (there.add("a"), null) });
      await ctx.lease({ lease: aLease("thing", "b", true), take: async () => (there.add("b"), null) });
      return null;
    });
    const give = anAction(
      "give",
      "hold",
      async (ctx) => {
        for (const lease of ctx.leases()) if (lease.lease.keepable) ctx.keepLease(lease, 99);
        for (const lease of ctx.leases()) await ctx.releaseLease(lease);
        return null;
      },
      { confirmed: "with-its-leases" },
    );
    const base = world();
    const parts = { ...base.parts, machineKeepers: { thing: setKeeper(there) }, actions: [take, give] };
    const open = await answering(openRun(parts, planOf([take], "sandbox"), live), yes).ended;
    expect([open.exit, open.fault?.code, open.state.status]).toEqual(["failed", "HF-LEASES-OPEN", "paused"]);
    const resumed = await answering(resumeRun(parts, open.state.run, live), yes).ended;
    expect([resumed.exit, resumed.state.status, [...there]]).toEqual(["ok", "done", []]);
    const closed = await answering(openRun(parts, planOf([take, give], "sandbox"), live), yes).ended;
    expect(closed.exit).toBe("ok");
    expect([...there]).toEqual(["b"]);
  });

  test("giving a run up gives back what it holds, newest first, and closes it", async () => {
    const there = new Set<string>();
    const released: string[] = [];
    const keeper = setKeeper(there);
    const noting = {
      ...keeper,
      release: async (lease: Parameters<typeof keeper.release>[0]) => (
        released.push(lease.name),
        keeper.release(lease)
      ),
    };
    const take = anAction("take", "hold", async (ctx) => {
      for (const name of ["a", "b"])
        await ctx.lease({ lease: aLease("thing", name), take: async () => (there.add(name), null) });
      throw new Fault("HF-TEST", "then it broke");
    });
    const base = world();
    const parts = { ...base.parts, machineKeepers: { thing: noting }, actions: [take] };
    const end = await answering(openRun(parts, planOf([take], "sandbox"), live), (question) =>
      question.kind === "failure" ? { kind: "act", act: "abandon" } : yes(question),
    ).ended;
    expect([end.exit, end.state.status, released]).toEqual(["abandoned", "abandoned", ["b", "a"]]);
  });
});

describe("a dry run", () => {
  test("does every read, previews every effect, changes nothing, and later steps bind to what is expected", async () => {
    const { parts, ledger, server } = world();
    const actions = [
      anAction("look", "read", async () => ({ rows: 3 })),
      anAction("merge", "write", async () => (ledger.push("merged"), null), {
        preview: async () => ({ summary: "", lines: [], counts: { rows: 3 }, expects: { inserted: 3 } }),
      }),
      anAction("tell", "read", async (ctx) => ({ dry: ctx.dryRun })),
    ];
    const before = JSON.stringify(server.read((state) => ({ ...state, sessions: null, lock: null })));
    const end = await openRun({ ...parts, actions }, planOf(actions, "production"), {
      ...live,
      purpose: "dry-run",
      interactive: false,
    }).ended;
    expect([end.exit, end.state.status]).toEqual(["ok", "done"]);
    expect(stepOf(end.state, "merge").result).toEqual({ inserted: 3 });
    expect(stepOf(end.state, "tell").result).toEqual({ dry: true });
    expect(ledger).toEqual([]);
    expect(JSON.stringify(server.read((state) => ({ ...state, sessions: null, lock: null })))).toBe(before);
  });

  test("that can look no further says so with an exit of its own, and does not stand open", async () => {
    const { parts } = world();
    const actions = [
      anAction("freeze", "hold", async () => null, {
        preview: async () => ({ summary: "", lines: [], counts: {}, incomplete: "the extension is missing" }),
      }),
    ];
    const end = await openRun({ ...parts, actions }, planOf(actions, "sandbox"), {
      ...live,
      purpose: "dry-run",
      interactive: false,
    }).ended;
    expect([end.exit, end.state.status]).toEqual(["incomplete", "abandoned"]);
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries > 500) throw new Error("it never held");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
