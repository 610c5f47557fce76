import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { handCommands, handLines, pasteable, resumeCommand, shellWord } from "../../src/words/commands.ts";
import { faultLines } from "../../src/words/fault-lines.ts";
import { runSummaryLines } from "../../src/words/run-summary.ts";
import { after, lease } from "./run-story.ts";

const plain = { program: "holdfast" };

test("a resume command names the whole run, and repeats the places that were given", () => {
  expect(resumeCommand("0190-1", plain)).toBe("holdfast resume 0190-1");
  const started = { program: "node dist/main.js", config: "my conf.yaml", journal: "/tmp/j" };
  expect(resumeCommand("0190-1", started)).toBe(
    "node dist/main.js resume 0190-1 --config 'my conf.yaml' --journal /tmp/j",
  );
});

test("what is given back by hand in two places has a line for each, that can be pasted there", () => {
  const both = "drop schema holdfast_rescue_1 cascade; -- and then: rm -r /var/tmp/holdfast-0/holdfast_rescue_1";
  expect(handCommands(both)).toEqual([
    "drop schema holdfast_rescue_1 cascade;",
    "rm -r /var/tmp/holdfast-0/holdfast_rescue_1",
  ]);
  expect(handLines(both)).toEqual([
    "by hand, in SQL: drop schema holdfast_rescue_1 cascade;",
    "then, in a shell: rm -r /var/tmp/holdfast-0/holdfast_rescue_1",
  ]);
  expect(handLines("DROP EXTENSION pageinspect")).toEqual(["by hand: DROP EXTENSION pageinspect"]);
});

test("a flag that stands there is not given twice, and only where the command takes it", () => {
  const started = { program: "holdfast", config: "c", journal: "j" };
  expect(pasteable("holdfast resume x --journal other", started)).toBe("holdfast resume x --journal other --config c");
  expect(pasteable("holdfast journal list", started)).toBe("holdfast journal list --journal j");
  expect(pasteable("holdfast lint", started)).toBe("holdfast lint");
  expect(pasteable("psql -c 'select 1'", started)).toBe("psql -c 'select 1'");
  expect(pasteable("holdfastly", started)).toBe("holdfastly");
});

test("a quoted word comes back from a real shell as it was", () => {
  for (const text of ["plain", "a b", "it's", "$(id)", "`id`", "a\nb", "!x", "*", "", "\\", '"', "-x", "ü"]) {
    const echoed = execFileSync("/bin/sh", ["-c", `printf %s ${shellWord(text)}`], { encoding: "utf8" });
    expect(echoed).toBe(text);
  }
});

test("a fault tells what happened, what is still true, what to do, and commands on rows of their own", () => {
  const lines = faultLines(
    {
      code: "HF-X",
      message: "it broke",
      cause: "a \x1b[31mred\x1b[0m cause",
      still: "nothing was written",
      hint: "look",
      next: ["holdfast journal list"],
      after: "none",
      exit: "failed",
    },
    { program: "node m.js" },
  );
  expect(lines).toEqual([
    "HF-X  it broke",
    "  cause: a \\x1b[31mred\\x1b[0m cause",
    "  still true: nothing was written",
    "  what to do: look",
    "  node m.js journal list",
  ]);
});

test("a run that stopped says what is unknown, what it holds, and how to go on", () => {
  const state = after("run.paused");
  const lines = runSummaryLines({ state }, plain);
  expect(lines[0]).toMatch(/^STOPPED, NOT DONE {2}\w{4} a-runbook/);
  expect(lines).toContain(
    "[?] merge: its outcome is not known; resume asks the target: at least 4 of 12 rows gone through",
  );
  expect(lines).toContain("still held: narrowed");
  expect(lines.at(-1)).toBe(`  holdfast resume ${state.run}`);
});

test("a run that is done gives no command to go on, and says what is kept and how it is given back by hand", () => {
  const done = { ...after("lease.kept"), status: "done" as const };
  const lines = runSummaryLines({ state: done }, plain);
  expect(lines[0]).toMatch(/^DONE/);
  expect(lines.join("\n")).not.toContain("resume ");
  expect(lines).toContain("kept, YOU drop it (counted on until 2023-11-15T22:13:20Z): narrowed");
  expect(lines).toContain(`  by hand: ${lease.byHand}`);
});
