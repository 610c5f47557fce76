import { execa } from "execa";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { liveFigures } from "../../bench/first-frame.ts";
import { runSteps, totalOf } from "../../bench/journaled-step.ts";
import { assertMeasured, recorded } from "../../bench/main.ts";
import { absolute, atMost } from "../../bench/timing.ts";
import { root } from "../support/source.ts";

const figure = atMost("P3", "a thing", 20, 10, 1.5, "ms", "its peer");
const page = readFileSync(path.join(root, "docs/benchmarks.md"), "utf8");

describe("what is recorded", () => {
  test("goes into its own bar's place, and the other bars keep theirs", () => {
    const before = recorded(page, [absolute("P4", "another thing", 1, 2, "ms")], "the other day");
    const after = recorded(before, [figure], "today");
    expect(after).toMatch(
      /P3: begin -->\n\ntoday\n\n.*\n.*\n\| a thing \| 20\.0 ms \| its peer: 10\.0 ms \| 2\.00 x \|/,
    );
    expect(after).toContain("the other day");
    expect(after).toContain("MISSED");
    expect(recorded(after, [figure], "today")).toBe(after);
  });

  test("has a marked place on the page for every bar, and none for a bar that is not there", () => {
    for (const id of ["P1", "growth", "P3", "P4"])
      expect(recorded(page, [{ ...figure, id }], "today")).toContain("today");
    expect(() => recorded(page, [{ ...figure, id: "P9" }], "today")).toThrow("no marked place for P9");
  });
});

describe("what was not measured is not claimed", () => {
  test("a figure that is no number is a failure, met or not", () => {
    expect(() => assertMeasured([atMost("P3", "x", 0, 0, 1, "ms", "y")])).toThrow("P3, x");
    expect(() => assertMeasured([absolute("P3", "x", Number.NaN, 1, "ms")])).toThrow("NaN");
    expect(() => assertMeasured([])).toThrow("no figure");
    expect(() => assertMeasured([figure])).not.toThrow();
  });

  test("a screen that stands still has no frame rate", () => {
    const frame = "\u001b[?2026habc\u001b[?2026l";
    expect(() => liveFigures(frame.repeat(3), 1, 8)).toThrow("stands still");
    expect(liveFigures(frame.repeat(80), 40, 8)).toEqual({
      cpu: 5,
      updates: 10,
      bytesPerFrame: frame.length,
      kilobytesPerSecond: (frame.length * 10) / 1000,
    });
  });

  test("an unknown bar is refused before anything is measured", async () => {
    const ended = await execa(process.execPath, [path.join(root, "bench/main.ts"), "P9"], { reject: false });
    expect(ended.exitCode).toBe(2);
    expect(ended.stderr).toContain("there is no bar P9");
    expect(ended.stdout).toBe("");
  });
});

describe("the journaled step", () => {
  test("all of strace's rows are counted, whatever else stands in the table", () => {
    const table = [
      "% time     seconds  usecs/call     calls    errors syscall",
      " 90.00    0.010000         250        40           fdatasync",
      " 10.00    0.001000         500         2         1 fsync",
      "100.00    0.011000                    42         1 total",
    ].join("\n");
    expect(totalOf(table)).toBe(42);
    expect(totalOf("")).toBe(0);
  });

  test("the run that is timed really goes through all of its steps", async () => {
    expect(await runSteps(3)).toBeGreaterThan(0);
  });
});
