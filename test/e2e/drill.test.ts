import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { keys } from "../support/terminal.ts";
import { looksRight } from "./look.ts";
import { type Left, operatorAt, type Seat } from "./operator.ts";
import { emptyHome } from "./world.ts";

const sizes = [
  [80, 24],
  [100, 30],
] as const;

function drillRoom() {
  const { folder, scratch, env } = emptyHome("postgresql://nobody@nowhere/none");
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const config = {
    targets: {},
    scratch: { folder: scratch },
    stopFile: path.join(folder, "STOP"),
    limits: { minFreeDisk: 0.01 },
  };
  writeFileSync(path.join(folder, "holdfast.yaml"), JSON.stringify(config)); // JSON is YAML
  return (seat: Seat) => operatorAt({ ...seat, cwd: folder, env });
}

const drill = "drill restore-after-bad-delete --rows 2000".split(" ");
const slow = 120_000;

/** What stands in the report, in its order. */
function reportOf({ printed }: Left): string {
  const at = printed.indexOf("DRILL REPORT");
  expect(at).toBeGreaterThan(0);
  return printed.slice(at);
}

describe("a DBA rehearses by hand", () => {
  it.each(sizes)(
    "at %ix%i: the screens say DRILL, and the report can be read on the normal screen after",
    async (columns, rows) => {
      const sit = drillRoom();
      const tty = sit({ columns, rows, args: drill });
      await tty.sees("g goes ahead.", slow);
      await looksRight(tty, columns);
      expect(tty.rows()[0]).toContain("DRILL");
      await tty.goesOn(/Type the name of this database/);
      await tty.reads();
      await looksRight(tty, columns);
      await tty.goesOn();
      await looksRight(tty, columns);
      await tty.type("q");
      const left = await tty.leaves();
      expect(left.exit).toBe("ok");
      const report = reportOf(left);
      expect(report).toMatch(/^DRILL REPORT {2}\w{4} restore-after-bad-delete, incident delete\n/);
      expect(report).toMatch(/\n 8 {2}rescue {7}(about|under) .* rows [0-9,]+ +[0-9,]+\n/);
      expect(report).toMatch(/\n14 {2}merge .* insert ([0-9,]+) +\1\n/);
      expect(report).toMatch(/Customers went on all the while: [0-9,]+ changes?, /);
      expect(report).toContain("DRILL PROVED, every row is what it was before the DELETE");
      // The verdict stands on the screen where it ended, whatever scrolled away above it.
      expect(tty.text().replaceAll("\n  ", " ")).toContain("DRILL PROVED, every row is what it was before the DELETE");
      expect(left.commands).toHaveLength(1);
      const shown = sit({ columns, rows, pasted: left.commands[0] ?? "" });
      expect((await shown.exited).code).toBe(0);
      expect(shown.bytes()).toContain("NOTE by");
      expect(shown.text()).toContain("Drill of restore-after-bad-delete, incident");
    },
  );

  it("that was left with ^C: the start screen shows it and says who goes on with it, and that command does", async () => {
    const sit = drillRoom();
    const tty = sit({ args: drill });
    await tty.sees("g goes ahead.", slow);
    await tty.type(keys.ctrlC);
    const left = await tty.leaves();
    expect(left.exit).toBe("paused");
    expect(left.printed).toContain("The run is not finished");
    const screens = sit({});
    await screens.sees("OPEN RUNS (1)");
    await screens.type(keys.enter);
    await screens.sees("The server of a drill is started by its own command alone:");
    await screens.type("g");
    await screens.sees("a drill goes on by its own command");
    await screens.type("q");
    await screens.leaves();
    const again = left.commands.findLast((command) => command.includes(" drill "));
    const back = sit({ pasted: again ?? "" });
    await back.sees("g goes ahead.", slow);
    await back.goesOn();
    await back.type("q");
    const ended = await back.leaves();
    expect(ended.exit).toBe("ok");
    expect(reportOf(ended)).toContain("It was left, or killed, and gone on with 1 time.");
  });
});
