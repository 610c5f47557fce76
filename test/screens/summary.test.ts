import { describe, expect, it } from "vitest";
import { summaryLines } from "../../src/screens/summary.ts";
import { headline } from "../../src/screens/views/result.view.ts";
import { done, failing, finished, lease, merging, runId, story } from "./support/story.ts";

const command = `holdfast resume ${runId}`;

describe("what is printed once the screen is gone", () => {
  it("is nothing where no run was seen", () => {
    expect(summaryLines(null, null, "")).toEqual([]);
  });

  it.each([
    ["paused", merging().tell({ kind: "run.paused", reason: "the operator left" })],
    ["unknown", failing()],
    ["done", finished()],
  ])("is five to ten lines with run, outcome, counts and leases (%s)", (_what, told) => {
    const lines = summaryLines(told.state, null, command);
    expect(lines.length).toBeGreaterThanOrEqual(5);
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(lines.join("\n")).toContain(`run ${runId}`);
    expect(lines.join("\n")).toContain("!! PRODUCTION !! target shop, database shop_orders");
    expect(lines.join("\n")).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it("gives the exact command on a line of its own while the run can go on, and none when it is over", () => {
    expect(summaryLines(merging().state, null, command)).toContain(`  ${command}`);
    expect(summaryLines(finished().state, null, command).join("\n")).not.toContain("resume");
  });

  it("says which step is unknown, and never that it failed", () => {
    const text = summaryLines(merging().state, null, command).join("\n");
    expect(text).toContain("step 7 Merge the missing rows: UNKNOWN");
    expect(text).not.toMatch(/failed/i);
  });

  it("says how many rows were committed before it stopped", () => {
    expect(summaryLines(merging().state, null, command).join("\n")).toContain(
      "UNKNOWN, resume finds out; at least 590,000 of 981,204 rows gone through",
    );
  });

  it("says how what is kept is given back by hand, and counts the leases once", () => {
    const lines = summaryLines(finished().state, null, command);
    const at = lines.findIndex((line) => line.startsWith("kept, YOU drop it"));
    expect(lines.slice(at)).toEqual([
      "kept, YOU drop it (counted on until 2026-11-22T03:08:20Z): rescue area: 981,241 rows, 412 MB",
      "by hand: SELECT pg_drop_replication_slot('holdfast_L2')",
      "1 lease given back, nothing else is held",
    ]);
  });

  it("says why it stopped, as a reason", () => {
    const told = merging().tell({ kind: "run.paused", reason: "Ctrl-C" });
    expect(summaryLines(told.state, null, command)).toContain("why: Ctrl-C");
  });

  it("counts the leases that it has no room for", () => {
    const told = story().tell(...["A", "B", "C", "D", "E"].map((id) => lease(id, `lease ${id}`)));
    const lines = summaryLines(told.state, null, command);
    expect(lines).toContain(".. 2 more leases in the journal");
    expect(lines.length).toBeLessThanOrEqual(10);
  });

  it("names the fault that ended it, with what to do", () => {
    const fault = {
      code: "HF-LOCK-LOST",
      message: "the target lock is gone",
      hint: "Resume it",
      after: "none",
      exit: "busy",
    } as const;
    const text = summaryLines(merging().state, { exit: "busy", state: merging().state, fault }, command).join("\n");
    expect(text).toContain("HF-LOCK-LOST  the target lock is gone. Resume it");
  });
});

it("has the headline of a stopped run whole at 80 columns", () => {
  const line = headline(merging().tell({ kind: "run.paused", reason: "p" }).state);
  const short = done("verify", 1, { rescued: 981_204, equal: 0, different: 0, absent: 981_204, tables: [] });
  const over = headline(merging().tell(...short, { kind: "run.closed", outcome: "done", reason: "" }).state);
  expect(over).toMatch(/^DONE, BUT 981,204 ROWS ARE NOT BACK {2}Q73K restore-after-bad-delete {2}in \d:\d\d$/);
  expect(over.length).toBeLessThanOrEqual(80);
  expect(line).toMatch(/^STOPPED, NOT DONE {2}Q73K restore-after-bad-delete {2}after \d:\d\d; it can go on$/);
  expect(line.length + "59:".length).toBeLessThanOrEqual(80);
});
