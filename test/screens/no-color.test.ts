import { describe, expect, it } from "vitest";
import { fakeSession, fakeWorkbench } from "./support/fake-workbench.ts";
import { onTerminal } from "./support/terminal.ts";
import { merging, story } from "./support/story.ts";

// In a file of its own: what paints is told about colours once, when it is loaded.
describe("with NO_COLOR", () => {
  it("no colour, bold or inverse goes out, and nothing is lost by it", async () => {
    const session = fakeSession(merging());
    const terminal = onTerminal(
      { workbench: fakeWorkbench(() => story()), start: { kind: "session", session } },
      { columns: 80, rows: 24 },
      { NO_COLOR: "1" },
    );
    await terminal.see("!! PRODUCTION !!  shop_orders");
    await terminal.see("WRITES ON PRODUCTION");
    await terminal.send("n");
    await terminal.send("called the DBA");
    await terminal.see("note: called the DBA_");
    // oxlint-disable-next-line no-control-regex -- the sequences are what must not be there
    expect(terminal.bytes().match(/\u001B\[[0-9;]*m/g) ?? []).toEqual([]);
    session.finish({ exit: "ok" });
    await terminal.send("\u001B");
    await terminal.see("STOPPED");
    await terminal.send("q");
    await terminal.end;
  });
});
