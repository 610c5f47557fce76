import { expect, test } from "vitest";
import { Fault } from "../../src/core/errors.ts";
import { endSession } from "../../src/engines/memory/connection.ts";
import { memoryServer } from "../../src/engines/memory/server.ts";
import { openRun } from "../../src/runner/open-session.ts";
import { aLease, anAction, live, answering, planOf, setKeeper, world, yes } from "../support/runner.ts";
test("giving up over a server whose identity was never proved gives nothing back there, and forgets nothing", async () => {
  const { parts, server, journal } = world();
  const first = new Set<string>(),
    second = new Set<string>();
  let moved = false;
  const elsewhere = world({ server: memoryServer() }).parts.connect;
  const connect: typeof parts.connect = async (target, run) => {
    if (!moved) {
      const e = await parts.connect(target, run);
      return { ...e, keepers: { ...e.keepers, slot: setKeeper(first) } } as typeof e;
    }
    const e = await elsewhere(target, run);
    return {
      ...e,
      capabilities: e.capabilities,
      close: () => e.close(),
      identity: async () => {
        throw new Fault("HF-PG-CONNECTION-LOST", "asking who the server is: the connection was lost", {
          exit: "unreachable",
        });
      },
      keepers: { slot: setKeeper(second) },
    } as typeof e;
  };
  const cut = () => server.change((s) => Object.keys(s.sessions).forEach((id) => endSession(s, id)));
  const actions = [
    anAction("prepare", "hold", async (ctx) => {
      await ctx.capability("marker").create();
      await ctx.lease({
        lease: { ...aLease("slot", "pins_wal"), where: "main" },
        take: async () => (first.add("pins_wal"), null),
      });
      return null;
    }),
    anAction("merge", "write", async (ctx) => {
      cut();
      moved = true;
      return ctx.once("t", async () => 1);
    }),
  ];
  const plan = planOf(actions, "sandbox");
  let asked = 0;
  const session = answering(openRun({ ...parts, connect, actions }, plan, live), (q) => {
    if (q.kind !== "failure") return yes(q);
    asked += 1;
    if (asked === 1) return { kind: "act", act: q.options.find((o) => o.recommended)!.act };
    setImmediate(() => session.abandon("given up by the operator")); // what screens/perform.ts giveUp does
    return null;
  });
  const end = await session.ended;
  expect(end.exit).not.toBe("abandoned");
  expect([...first]).toEqual(["pins_wal"]);
  const events = journal.read(session.run).map(({ event }) => event.kind);
  expect(events).not.toContain("lease.released");
  expect(events).not.toContain("run.closed");
});
