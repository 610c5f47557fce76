import { expect, test } from "vitest";
import { rowText } from "../../src/screens/rows.ts";
import { journalBody } from "../../src/screens/views/journal.view.ts";
import { runbooks, summaryOf, targets } from "./support/fake-workbench.ts";
import { model } from "./support/look.ts";

test.each([
  [{ purpose: "live", status: "done" }, "  done  "],
  [{ purpose: "live", status: "abandoned" }, "  given up  "],
  [{ purpose: "live", status: "paused" }, "  paused  "],
  [{ purpose: "demo", status: "done" }, "  demo done  "],
  [{ purpose: "dry-run", status: "done" }, "  dry run done  "],
  [{ purpose: "dry-run", status: "abandoned" }, "  dry run ended early  "],
  [{ purpose: "dry-run", status: "paused" }, "  dry run paused  "],
] as const)("a run of %j is listed in the journal as what it is", (run, words) => {
  const bench = { runs: [summaryOf({ ...run, at: null })], targets, runbooks };
  const [, listed = []] = journalBody(model({ bench }), 20).rows;
  expect(rowText(listed)).toContain(words);
});
