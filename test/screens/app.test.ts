import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { fakeSession, fakeWorkbench } from "./support/fake-workbench.ts";
import { onTerminal } from "./support/terminal.ts";
import {
  confirmQuestion,
  failureQuestion,
  merging,
  runId,
  statementQuestion,
  story,
  untilMerge,
} from "./support/story.ts";

const down = "\u001B[B";
const workbench = () => fakeWorkbench(() => story());

describe("the screens on a terminal", () => {
  it("lead from the start to a run by keys alone, and print the way on after leaving", async () => {
    const bench = workbench();
    const terminal = onTerminal({ workbench: bench });
    await terminal.see("NEW RUN: which environment?");
    for (let n = 0; n < 6; n += 1) await terminal.send(down);
    await terminal.see("> !! PRODUCTION !!");
    await terminal.send("\r");
    await terminal.see("> shop ");
    await terminal.send("\r");
    await terminal.see("2 of 2 runbooks");
    await terminal.send("rest\r");
    await terminal.see("needed: Which table lost rows?");
    await terminal.send("public.orders\r\r");
    await terminal.see("PLAN  Bring back rows");
    await terminal.send("g");
    await terminal.see("Q73K restore-after-bad-delete");
    const session = bench.opened[0]!;
    session.append({ kind: "question.asked", question: statementQuestion });
    await terminal.see("Which statement took the rows?");
    await wait(450);
    await terminal.send(`${down}${down}\r`);
    expect(session.answers).toEqual([{ kind: "choose", value: "88120455" }]);
    await terminal.send("\u0003");
    expect(session.calls).toContain("pause Ctrl-C");
    session.append({ kind: "run.paused", reason: "Ctrl-C" });
    session.finish({ exit: "paused" });
    const end = await terminal.end;
    expect(end.exit).toBe("paused");
    expect(end.summary).toContain(`  holdfast resume ${runId}`);
    expect(terminal.bytes()).toContain("\u001B[?1049l");
    expect(terminal.bytes()).toContain("\u001B[?2004h");
    expect(terminal.bytes().lastIndexOf("\u001B[?2004l")).toBeGreaterThan(
      terminal.bytes().lastIndexOf("\u001B[?2004h"),
    );
    expect(terminal.bytes().lastIndexOf("\u001B[?25h")).toBeGreaterThan(terminal.bytes().lastIndexOf("\u001B[?25l"));
    expect(terminal.stdin.raw).toEqual([true, false]);
  });

  it("take a name typed by hand, and neither a paste nor the name in one read", async () => {
    const session = fakeSession(
      untilMerge().tell({ kind: "question.asked", question: confirmQuestion({ lapsesAt: Date.now() + 100_000 }) }),
    );
    const terminal = onTerminal({ workbench: workbench(), start: { kind: "session", session } });
    await terminal.see("Type the name of this database");
    await wait(450);
    await terminal.send("\u001B[200~shop_orders\u001B[201~\r");
    await terminal.see("Enter alone confirms nothing");
    await terminal.send("shop_orders");
    await terminal.see("like a paste");
    await terminal.send("\r");
    expect(session.answers).toEqual([]);
    for (const letter of "shop_orders") await terminal.send(letter);
    await terminal.see("> shop_orders_");
    await terminal.send("\r");
    expect(session.answers).toEqual([{ kind: "typed", text: "shop_orders", pasted: false }]);
    session.finish({ exit: "paused" });
    await terminal.see("STOPPED, NOT DONE");
    await terminal.send("q");
    expect((await terminal.end).exit).toBe("paused");
  });

  it("stay whole while the window changes in the middle of a run, and scroll nothing away", async () => {
    const session = fakeSession(merging());
    const terminal = onTerminal({ workbench: workbench(), start: { kind: "session", session } });
    await terminal.see("step 7 of 9");
    for (const size of [
      { columns: 80, rows: 24 },
      { columns: 60, rows: 15 },
      { columns: 120, rows: 40 },
      { columns: 50, rows: 10 },
      { columns: 100, rows: 30 },
    ]) {
      await terminal.resize(size);
      await terminal.see(/!! PRODUCTION !! {2}shop_orders/);
      expect(terminal.lines().filter((line) => line.includes("!! PRODUCTION !!"))).toHaveLength(1);
      expect(terminal.scrolled()).toBe(0);
    }
    await terminal.see("60.1 %");
    await terminal.send("\u0003\u0003\u0003");
    expect((await terminal.end).exit).toBe("interrupted");
    expect(session.calls).toEqual(["pause Ctrl-C", "cancel"]);
  });

  it("pause the run when the terminal is lost, wait until it has let go, and write nothing that fails", async () => {
    const session = fakeSession(merging());
    const terminal = onTerminal({ workbench: workbench(), start: { kind: "session", session } });
    await terminal.see("step 7 of 9");
    terminal.lose();
    await wait(100);
    expect(session.calls[0]).toMatch(/^pause the terminal/);
    session.append({
      kind: "step.progressed",
      step: "merge",
      progress: { done: 600_000, total: 981_204, unit: "rows" },
    });
    await wait(150);
    session.finish({ exit: "paused" });
    expect((await terminal.end).exit).toBe("paused");
  });

  it("pause the run when they fail themselves, and say so instead of printing their source", async () => {
    const session = fakeSession(merging());
    const terminal = onTerminal({ workbench: workbench(), start: { kind: "session", session } });
    await terminal.see("step 7 of 9");
    session.append({ kind: "question.asked", question: { ...failureQuestion, options: null as never } });
    await wait(300);
    expect(session.calls).toEqual(["pause the screen failed"]);
    session.finish({ exit: "paused" });
    const end = await terminal.end;
    expect(end.exit).toBe("bug");
    expect(end.bug).toBeInstanceOf(Error);
    expect(end.summary[0]).toContain("The screen failed");
    expect(end.summary.join("\n")).toContain(`holdfast resume ${runId}`);
    expect(terminal.bytes()).not.toContain("at frameOf");
  });

  it("send few bytes for a frame in which only the progress moves", async () => {
    const session = fakeSession(merging());
    const terminal = onTerminal({ workbench: workbench(), start: { kind: "session", session } });
    await terminal.see("60.1 %");
    const before = terminal.bytes().length;
    for (let n = 1; n <= 10; n += 1) {
      session.append({
        kind: "step.progressed",
        step: "merge",
        progress: { done: 590_000 + n * 5000, total: 981_204, unit: "rows", note: `batch ${118 + n} of 197` },
      });
      await wait(120);
    }
    expect((terminal.bytes().length - before) / 10).toBeLessThanOrEqual(600);
    session.finish({ exit: "ok" });
    await terminal.send("q");
    await terminal.end;
  });
});
