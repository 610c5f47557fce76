import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/core/event.ts";
import { frameOf } from "../../src/screens/frame.ts";
import { textWidth } from "../../src/words/format.ts";
import { bindingsAt } from "../../src/screens/keys.ts";
import { placeOf } from "../../src/screens/model.ts";
import { rowText } from "../../src/screens/rows.ts";
import {
  began,
  confirmQuestion,
  done,
  failing,
  lease,
  merging,
  mergePreview,
  planFor,
  statementQuestion,
  story,
  untilMerge,
} from "./support/story.ts";
import { ended, everyScreen, letters, linesOf, model, named, play, running, sizes, textOf } from "./support/look.ts";

const ofARun = [
  "resume",
  "live",
  "choice",
  "type",
  "go",
  "failure",
  "ended",
  "paused",
  "details",
  "values",
  "note",
  "write",
  "give-up",
  "timeline",
  "help",
];

describe.each(sizes.map((size) => [`${size.columns}x${size.rows}`, size] as const))(
  "every screen at %s",
  (_name, size) => {
    const screens = Object.entries(everyScreen(size));

    it.each(screens)("%s has no row wider than the window and is less tall than it", (_screen, shown) => {
      const lines = linesOf(shown);
      expect(lines.length).toBeLessThan(size.rows);
      for (const line of lines) expect(textWidth(line), line).toBeLessThanOrEqual(size.columns);
    });

    it.each(screens)("%s is ASCII only, but for values that somebody asked to see", (name, shown) => {
      const printable = name === "values" ? /^[^\p{Cc}\p{Cf}]*$/u : /^[\x20-\x7e]*$/;
      for (const line of linesOf(shown)) expect(line).toMatch(printable);
    });

    it.each(screens.filter(([name]) => ofARun.includes(name)))(
      "%s names environment, database and run in row 1",
      (name, shown) => {
        const header = linesOf(shown)[0];
        expect(header).toContain(name === "go" ? ".. sandbox .." : "!! PRODUCTION !!");
        expect(header).toContain("shop_orders");
        expect(header).toContain("Q73K");
      },
    );

    it.each(screens)("%s says in its last row how to stop, and where help is", (name, shown) => {
      const footer = linesOf(shown).at(-1);
      expect(footer).toContain("^C stop");
      if (name !== "help") expect(footer).toMatch(/(\?|\^G) (help|all keys)/);
    });

    it.each(screens)("%s uses no tone whose meaning colour alone would carry", (_screen, shown) => {
      const { header, body, messages } = frameOf(shown);
      const toned = [header, ...body.rows, ...messages].filter((line) =>
        line.some((part) => part.tone === "bad" || part.tone === "caution"),
      );
      for (const line of toned) expect(rowText(line).trim()).not.toBe("");
    });
  },
);

describe("a window that is too small", () => {
  it("is one line that still names environment and database, and says that the run goes on", () => {
    const lines = linesOf(running(merging(), { columns: 59, rows: 14 })).filter((line) => line !== "");
    expect(lines).toEqual(["!! PRODUCTION !!  shop_orders  needs 60x15; the run goes on"]);
    expect(linesOf(running(merging(), { columns: 100, rows: 10 }))[0]).toContain("the run goes on");
  });

  it("says which question waits, and answers none, whatever is pressed", () => {
    const size = { columns: 40, rows: 8 };
    const told = story().tell({ kind: "question.asked", question: statementQuestion });
    const small = running(told, size);
    const lines = linesOf(small);
    expect(lines[0]).toContain("!! PRODUCTION !!");
    expect(lines.join(" ")).toContain("needs 60x15; A QUESTION WAITS");
    expect(lines.join(" ")).toContain("Which statement took the rows?");
    expect(lines.join(" ")).not.toContain("the run goes on");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(40);
    for (const shown of [small, running(failing(), size), running(untilMerge(), size)]) {
      const chosen = play(shown, [named("down"), named("enter")]);
      if (shown === small) expect(textOf(chosen.model).replaceAll("\n", " ")).toContain("in a window this small");
      const { commands } = play(chosen.model, Array.from("girsuxwnv", letters));
      expect([...chosen.commands, ...commands]).toEqual([]);
    }
    expect(play(small, [letters("p")]).commands, "pausing is safe without seeing").toHaveLength(1);
  });
});

describe("the live screen", () => {
  it("shows every step with its state, time and result", () => {
    const text = textOf(running(merging()));
    expect(text).toContain("[x]  4 Rescue the rows                          0:52   rows 981,241");
    expect(text).toMatch(/\[>\] {2}7 Merge the missing rows .* batch 120 of 197/);
    expect(text).toContain("[x]  2 Find the statement                       0:04   chosen: 981,241 rows at 02:51:17Z");
    expect(text).toContain("[ ]  8 Verify the merge");
  });

  it("says what is done now, why, how far it is, and where it writes", () => {
    const text = textOf(running(merging()));
    expect(text).toContain("NOW    INSERT 981,204 rows in 197 transactions");
    expect(text).toContain("WHY    Customers miss their orders");
    expect(text).toContain("60.1 %   590,000 of 981,204 rows");
    expect(text).toMatch(/rows\/s {3}ETA about \d:\d\d/);
    expect(text).toContain("WRITES ON PRODUCTION  step 7 of 9");
    expect(text).toContain("GUARDS  2 of 3 allow, skipped: ticket");
    expect(text).toContain("LEASES  2 held");
    expect(text).toContain("batch 118 committed 5,000 rows");
  });

  it("never shows 100 % before the outcome is durable, and no bar without a total", () => {
    const all = merging().tell({
      kind: "step.progressed",
      step: "merge",
      progress: { done: 981_204, total: 981_204, unit: "rows" },
    });
    expect(textOf(running(all))).toContain("99.9 %");
    expect(textOf(running(all))).not.toMatch(/100(\.0)? %/);
    const open = merging().tell({ kind: "step.progressed", step: "merge", progress: { done: 7000, unit: "pages" } });
    expect(textOf(running(open))).toContain("7,000 pages so far");
    expect(textOf(running(open))).not.toContain("[###");
  });

  it("does not say that it writes while it only reads, and never in a dry run", () => {
    expect(textOf(running(untilMerge()))).not.toContain("WRITES ON");
    const dry = story("production", "dry-run").tell({
      kind: "step.intended",
      step: "merge",
      attempt: 1,
      params: {},
      recovery: "cursor",
    });
    expect(textOf(running(dry))).not.toContain("WRITES ON");
    expect(linesOf(running(dry))[0]).toContain("DRY RUN");
  });

  it("folds what is done before it cuts what is asked or running", () => {
    const text = textOf(running(merging(), { columns: 60, rows: 15 }));
    expect(text).toContain("[x] 1-6 done in 1:22");
    expect(text).toContain("[>]  7 Merge the missing rows");
    expect(text).toContain("60.1 %");
  });

  it("names a guard that refuses, in place of those that allow", () => {
    const refused = merging().tell({
      kind: "guard.judged",
      step: "merge",
      guard: "free-disk",
      verdict: "deny",
      reason: "4 % free, 10 % are needed",
    });
    expect(textOf(running(refused))).toContain("GUARDS  free-disk REFUSES: 4 % free, 10 % are needed");
  });

  it("scrolls its output back, and End follows again", () => {
    const told = merging();
    for (let n = 1; n <= 60; n += 1) told.tell({ kind: "output.printed", step: "merge", text: `line ${n} of output` });
    const live = running(told);
    expect(textOf(live)).toContain("line 60 of output");
    const back = { ...live, cursors: { live: 20 } };
    expect(textOf(back)).not.toContain("line 60 of output");
    expect(textOf(back)).toContain("End follows");
  });

  it("shows the newest output at the end of the details too, when End is pressed", () => {
    const told = merging();
    for (let n = 1; n <= 60; n += 1) told.tell({ kind: "output.printed", step: "merge", text: `line ${n} of output` });
    const looking = play(running(told), [letters("v")]);
    expect(textOf(looking.model)).not.toContain("line 60 of output");
    expect(textOf(play(looking.model, [named("end")]).model)).toContain("line 60 of output");
  });
});

describe("the typed confirmation", () => {
  const typing = (over = {}, size = { columns: 100, rows: 30 }) =>
    running(untilMerge().tell({ kind: "question.asked", question: confirmQuestion(over) }), size);

  it("shows what the server says it is, the effect, exact counts, undo and expiry on one screen", () => {
    const text = textOf(typing({ lapsesAt: began + 100_000 }));
    for (const words of [
      "STEP 7  Merge the missing rows",
      "WRITE",
      "lapses in 1:",
      "host      db-prod-1:5432",
      "database  shop_orders",
      "undo      DELETE by the rescue list",
      "INSERT 981,204 rows",
      "orders 981,204, order lines 2,943,612",
      "after it public.orders has 2,104,551 rows",
    ])
      expect(text).toContain(words);
  });

  it("does not repeat the name beside the field", () => {
    const lines = linesOf(typing());
    const field = lines.findIndex((line) => line.startsWith("  > _"));
    expect(lines[field - 1]).toBe("Type the name of this database, by hand:");
    expect(lines.slice(field - 1, field + 1).join()).not.toContain("shop_orders");
  });

  it("says that another environment has that name when the environment has to be typed too", () => {
    expect(textOf(typing({ way: { kind: "type", phrase: "production/shop_orders" } }))).toContain(
      "type environment/name, by hand",
    );
  });

  it("says the word itself where a verb is asked", () => {
    expect(textOf(typing({ way: { kind: "type", phrase: "merge" } }))).toContain("Type this, by hand: merge");
  });

  it("says first how the rest of a preview is read, where not all of it has been", () => {
    const going = (rows: number) =>
      textOf(
        running(
          untilMerge("sandbox").tell({
            kind: "question.asked",
            question: confirmQuestion({ way: { kind: "go" } }),
          }),
          { columns: 80, rows },
        ),
      );
    expect(going(15)).toContain("PgDn shows the rest; then g goes ahead.");
    expect(going(30)).toMatch(/^g goes ahead\./m);
  });

  it("names every step that the one answer lets through, and the way back of each", () => {
    const previews = [
      {
        step: "copy",
        preview: {
          summary: "Note 981,204 keys",
          lines: [],
          counts: { keys: 981204 },
          undo: "it goes with the rescue area",
        },
      },
      { step: "merge", preview: mergePreview },
    ];
    const text = textOf(typing({ step: "copy", asks: "Take the safety copy", covers: ["copy", "merge"], previews }));
    expect(text).toContain("STEPS 6, 7  Take the safety copy; Merge the missing rows");
    expect(text).toContain("WRITE   lapses in");
    expect(text).toContain("undo: DELETE by the rescue list, for 24 h");
    expect(text).toMatch(
      /^Counts {6}step 6: keys 981,204; step 7: orders 981,204, order lines 2,943,612; about 1:00\n {12}plan \S+ \S+ \S+$/m,
    );
  });

  it("says that it has lapsed", () => {
    expect(textOf(typing({ lapsesAt: began }))).toContain("LAPSED");
  });

  it("says how large a window it needs when its facts do not fit", () => {
    const many = Array.from({ length: 12 }, (_, n) => ({ label: `fact ${n}`, text: "something that has to be seen" }));
    const text = textOf(typing({ facts: many }, { columns: 80, rows: 15 })).replaceAll("\n", " ");
    expect(text).toMatch(/too small for its facts: it needs 80x\d\d/);
  });
});

describe("what a step holds and gives back", () => {
  it("is shown with how a person gives it back by hand, on a row of its own", () => {
    const lines = linesOf({ ...running(merging()), routes: [{ kind: "start" }, { kind: "run" }, { kind: "details" }] });
    expect(lines).toContain("SELECT pg_drop_replication_slot('holdfast_L1')");
  });

  it("is not called given back while anything is held", () => {
    const held = ended(story().tell(lease("L1", "rows pinned"), { kind: "run.paused", reason: "left" }));
    expect(textOf(held)).toContain("held: rows pinned");
    expect(textOf(held)).not.toContain("nothing is held");
  });
});

describe("what was given back", () => {
  it("is named by its kind and name, and costs nothing any more", () => {
    const told = story().tell(
      lease("L1", "the log is kept"),
      { kind: "lease.taken", lease: "L1", facts: null },
      { kind: "lease.changed", lease: "L1", words: "The rows are rescued.", facts: null },
      { kind: "lease.released", lease: "L1", how: "released" },
    );
    const text = textOf(play(running(told), [letters("v")]).model);
    expect(text).toMatch(/given back {2}row-pin holdfast_L1$/m);
    expect(text).not.toMatch(/costs: |protects: |by hand/);
  });
});

describe("the timeline", () => {
  it("tells of each moment how far the step was then, not how far it came", () => {
    const at = (n: number) =>
      ({ kind: "step.progressed", step: "merge", progress: { done: n, total: 1000, unit: "rows" } }) as const;
    const told = untilMerge().tell(
      { kind: "step.intended", step: "merge", attempt: 1, params: {}, recovery: "cursor" },
      at(100),
      at(1000),
    );
    const text = textOf(
      model({ routes: [{ kind: "start" }, { kind: "timeline", state: told.state, events: told.events }] }),
    );
    expect(text).toMatch(/GOES ON 10\.0 %, 100 of 1,000 rows[^]*GOES ON 100\.0 %, 1,000 of 1,000 rows/);
  });
});

describe("a choice", () => {
  const asking = (step: string) =>
    textOf(running(story().tell({ kind: "question.asked", question: { ...statementQuestion, step } })));

  it("is said to change nothing yet only where a write, with its confirmation, is still to come", () => {
    expect(asking("statement")).toContain("choosing changes nothing yet");
    expect(asking("verify")).toContain("; it is done at once");
    expect(asking("verify")).not.toContain("nothing yet");
  });
});

describe("a table of numbers that has no room", () => {
  it("leaves out what is 0 everywhere, and names it: no number that counts is cut", () => {
    const numbers = { rows: 20_128, missing: 20_128, identical: 0, remade: 0, otherUnique: 0, orphans: 20_128 };
    const told = story().tell(
      ...done("check", 1, { tables: [{ table: "public.payments", ...numbers, duplicates: 0 }] }),
      { kind: "run.paused", reason: "" },
    );
    const narrow = textOf(play(ended(told, { columns: 80, rows: 40 }), []).model);
    expect(narrow).toMatch(/ rows +missing +orphans\npublic\.payments +20,128 +20,128 +20,128\n/);
    expect(narrow).toContain("0 in every table: identical, remade, other unique, duplicates");
    expect(textOf(ended(told, { columns: 120, rows: 40 }))).toMatch(/identical +remade +other unique +orphans/);
  });
});

describe("the end of a run", () => {
  it("shows the tables before, after and as expected, the proof, safeguards and leases", () => {
    const text = textOf(everyScreen(sizes[2]!).ended!);
    expect(text).toMatch(/before +after +expected/);
    expect(text).toMatch(/public\.orders +1,123,347 +2,104,551 +2,104,551/);
    expect(text).toContain("PROOF      every rescued row is in its table");
    expect(text).toContain("2 of 3 allow; ticket skipped: no ticket system");
    expect(text).toContain("kept, YOU drop it (counted on until 2026-11-22T03:08:20Z)");
  });

  it("calls rows proved only when all are equal, and says how many are not", () => {
    const verified = (equal: number) =>
      story().tell(
        ...done("verify", 9000, {
          tables: [{ table: "public.orders", rescued: 10, equal }],
          rescued: 10,
          equal,
          different: 10 - equal,
          absent: 0,
        }),
        { kind: "run.closed", outcome: "done", reason: "" },
      );
    expect(textOf(ended(verified(10)))).toContain("PROOF      all 10 rescued rows are in their tables, equal");
    expect(textOf(ended(verified(7)))).toContain(
      "PROOF      WARN: 7 of 10 rescued rows are equal; different 3, absent 0",
    );
  });

  it("leaves out what a step foretold of the merge once the merge is done and proved, and tells it before", () => {
    const foretold = { level: "warn", text: "5 rows can't be merged", until: "written" } as const;
    const looked = () =>
      story().tell({ kind: "step.verified", step: "check", findings: [foretold] }, ...done("check", 1));
    const tables = [{ table: "public.orders", rescued: 10, equal: 5 }];
    const proof = done("verify", 1, { tables, rescued: 10, equal: 5, different: 0, absent: 5 });
    const close = { kind: "run.closed", outcome: "done", reason: "" } as const;
    expect(textOf(ended(looked().tell(...done("merge", 1), ...proof, close)))).not.toContain("can't be merged");
    expect(textOf(ended(looked().tell({ kind: "run.paused", reason: "p" })))).toContain("can't be merged");
  });

  it("says at the end what was decided about rows in conflict", () => {
    const item = { name: "changed-since", title: "Changed again since: 12 rows", value: { name: "changed-since" } };
    const told = story().tell(
      { kind: "step.expanded", step: "check", items: [item] },
      ...done("check:changed-since", 1),
      {
        kind: "question.answered",
        question: "Q9",
        step: "check:changed-since",
        answered: { kind: "chosen", value: "overwrite", label: "set them back all the same", data: null },
        by: "ops",
      },
      { kind: "run.closed", outcome: "done", reason: "" },
    );
    expect(textOf(ended(told))).toContain("DECIDED    Changed again since: 12 rows: set them back all the same");
  });

  it("leaves a note on the hold out once all rows are proved equal, and only then", () => {
    const note = "an older session may still remove dead rows";
    const proved = (equal: number) =>
      story().tell(
        { kind: "step.verified", step: "freeze", findings: [{ level: "note", text: note }] },
        ...done("freeze", 1),
        ...done("verify", 1, { tables: [{ table: "public.orders", rescued: 10, equal }], rescued: 10, equal }),
        { kind: "run.closed", outcome: "done", reason: "" },
      );
    expect(textOf(ended(proved(10)))).not.toContain(note);
    expect(textOf(ended(proved(9)))).toContain(note);
  });

  it("offers no way on in its footer where the run is closed", () => {
    expect(linesOf(everyScreen(sizes[2]!).ended!).at(-1)).not.toMatch(/go on with it|give this run up/);
    expect(linesOf(everyScreen(sizes[2]!).paused!).at(-1)).toContain("g go on with it");
  });

  it("shows a step that was in the air as unknown, never as failed or running", () => {
    const text = textOf(everyScreen(sizes[2]!).paused!);
    expect(text).toMatch(/\[\?\] {2}7 Merge/);
    expect(text).not.toMatch(/\[!\] {2}7|\[>\] {2}7/);
    expect(text).toContain("STOPPED, NOT DONE");
  });

  it("gives the command that resumes it on a row of its own", () => {
    expect(linesOf(everyScreen(sizes[2]!).paused!)).toContain("holdfast resume 019aa3f0-1111-7abc-8def-0000000b9c73");
  });
});

describe("the plan", () => {
  it("says what will be asked before which effect, by environment", () => {
    const at = (environment: "production" | "staging" | "sandbox") =>
      textOf(model({ routes: [{ kind: "plan", plan: planFor(environment) }] }));
    expect(at("production")).toContain("write: the database's name, typed");
    expect(at("staging")).toContain("write: its verb, typed");
    expect(at("sandbox")).toContain("write: g on its preview");
    expect(at("production")).toContain("It destroys nothing.");
  });
});

describe("the start screen", () => {
  it("puts open runs first, and production last", () => {
    const lines = linesOf(model());
    const at = (words: string) => lines.findIndex((line) => line.includes(words));
    expect(at("OPEN RUNS (1)")).toBe(1);
    expect(at("[?] Q73K")).toBeLessThan(at(".. sandbox .."));
    expect(at(".. sandbox ..")).toBeLessThan(at("!! PRODUCTION !!   the database"));
    expect(lines.join("\n")).toContain("killed 03:14:23Z at step 7 of 9");
  });

  it("says of a run that another process drives it", () => {
    const first = model();
    const bench = { ...first.bench, runs: first.bench.runs.map((run) => ({ ...run, driven: true })) };
    expect(textOf({ ...first, bench })).toContain("[>] Q73K");
    expect(textOf({ ...first, bench })).toContain("driven now by another process");
  });
});

describe("the last row", () => {
  it("shows every key of its screen, or says by a mark and on help's own key that there are more", () => {
    let cut = 0;
    for (const size of sizes)
      for (const [name, shown] of Object.entries(everyScreen(size))) {
        const footer = linesOf(shown).at(-1) ?? "";
        const words = bindingsAt(placeOf(shown)).filter((bound) => bound.footer && bound.does !== "help");
        const hidden = words.filter((bound) => !footer.includes(`${bound.shows} ${bound.label}`));
        const closed = placeOf(shown) === "ended" ? hidden.filter((bound) => bound.enabled(shown) === true) : hidden;
        if (closed.length === 0) continue;
        cut += 1;
        expect(footer, name).toMatch(/ {2}\.\. {2}(\?|\^G) all keys/);
        const help = textOf({
          ...play(shown, [footer.includes("^G") ? named("ctrl-g") : letters("?")]).model,
          size: sizes[2]!,
        });
        for (const bound of closed) expect(help, name).toContain(bound.label);
      }
    expect(cut).toBeGreaterThan(3);
  });
});

describe("a choice whose question is long", () => {
  it("says how many there are, and is not cut", () => {
    const asks = "Which statement took the rows away?";
    const told = story().tell({ kind: "question.asked", question: { ...statementQuestion, asks } });
    expect(linesOf(running(told, sizes[1]))[1]).toBe(`${asks}   3 to choose from`);
    expect(linesOf(running(told, sizes[2]))[1]).toBe(`${asks}   3 to choose from; choosing changes nothing yet`);
  });
});

describe("after a failure that was answered", () => {
  it("the checklist says what the way on is at", () => {
    const answered = { kind: "question.answered", question: "Q30", step: "merge", by: "ops_k" } as const;
    const told = failing().tell(
      { ...answered, answered: { kind: "acted", act: "retry" } },
      { kind: "output.printed", step: "merge", text: "connecting anew: is it the same server, and is its lock free?" },
    );
    expect(textOf(running(told, sizes[1]))).toContain("NOW    connecting anew: is it the same server");
  });
});

describe("a preview of what a process died in", () => {
  it("says that it was begun before, and that nothing of it is there, ahead of what it will do", () => {
    const told = merging().tell(
      {
        kind: "run.resumed",
        person: { operator: "ops_k", host: "bastion-2" },
        version: "0.1.0",
        wishes: { choices: {}, keepRescue: false },
      },
      { kind: "step.settled", step: "merge", attempt: 1, finding: "absent", evidence: [], decision: "redo" },
      { kind: "question.asked", question: confirmQuestion() },
    );
    for (const size of sizes.slice(1)) {
      const text = textOf(running(told, size));
      expect(text.replaceAll(/\s+/g, " ")).toMatch(
        /BEFORE This step had begun and was killed about \d\d:\d\d:\d\dZ; the target was asked: nothing of it is there It will/,
      );
    }
  });
});

describe("a sentence that has room", () => {
  const long =
    "Rows are put back in small transactions, with the system up, and nothing that is there is changed. ".repeat(4);
  const words = (text: string) => text.replaceAll(/\s+/g, " ").trim();

  it("is not cut: why a step is done, in a plan that scrolls", () => {
    const plan = { ...planFor(), steps: planFor().steps.map((step) => ({ ...step, why: long })) };
    for (const size of sizes.slice(1)) {
      let shown = model({ size, routes: [{ kind: "start" }, { kind: "plan", plan }] });
      const seen: string[] = [];
      for (let pages = 0; pages < 12; pages += 1) {
        seen.push(...linesOf(shown).slice(3, -6));
        shown = play(shown, [named("pgdn")]).model;
      }
      expect(words(seen.join(" "))).toContain(words(long));
    }
  });

  it("is not cut: what is offered, what a runbook is about, and how the confirmed is undone, above empty rows", () => {
    const choice = { value: "a", label: "one", details: [long], tags: [], data: null };
    const asked = story().tell({ kind: "question.asked", question: { ...statementQuestion, choices: [choice] } });
    const bench = { ...model().bench, runbooks: model().bench.runbooks.map((one) => ({ ...one, about: long })) };
    const routes = everyScreen(sizes[1]!).runbooks!.routes;
    const undo = confirmQuestion({ facts: [{ label: "undo", text: long.slice(0, 300) }] });
    for (const size of sizes.slice(1)) {
      expect(words(textOf(running(asked, size)))).toContain(words(long));
      expect(words(textOf(model({ size, routes, bench })))).toContain(words(long));
      const confirm = running(untilMerge().tell({ kind: "question.asked", question: undo }), size);
      if (size.rows === 30) expect(words(textOf(confirm))).toContain(words(long.slice(0, 300)));
    }
  });

  it("is not cut: why a runbook can't be run, once it is highlighted", () => {
    for (const size of sizes.slice(0, 2)) {
      const shown = play(everyScreen(size).runbooks!, [named("down")]).model;
      expect(words(textOf(shown))).toContain("disabled: needs a retention policy file (policies/ is empty)");
    }
  });

  it("is filled to the row's end before it is cut, and what happens now has two rows where there is room", () => {
    const told = merging().tell({
      kind: "step.previewed",
      step: "merge",
      preview: {
        ...mergePreview,
        summary: `Put 12 rows back into ${"x".repeat(40)} and then ${"y".repeat(60)} and on`,
      },
    });
    const now = linesOf(running(told, sizes[2])).filter(
      (_, at, all) => all[at]?.startsWith("NOW") || all[at - 1]?.startsWith("NOW"),
    );
    expect(words(now.join(" "))).toContain(`${"x".repeat(40)} and then ${"y".repeat(60)} and on`);
    const narrow = linesOf(running(told, sizes[0])).find((line) => line.startsWith("NOW"));
    expect(narrow).toMatch(/x\.\.$/);
    expect(narrow).toHaveLength(60);
  });

  it("has one mark at its end, and one of a thing is no plural", () => {
    const asks = "Keep the rescued rows?";
    const told = story().tell({ kind: "question.asked", question: { ...statementQuestion, asks } });
    const aside = play(running(told, sizes[1]), [named("escape")]).model;
    expect(textOf(aside)).toContain("A QUESTION WAITS: Keep the rescued rows? Enter goes back to it.");
    const one: RunEvent = { kind: "step.progressed", step: "merge", progress: { done: 0, total: 1, unit: "tables" } };
    expect(textOf(running(merging().tell(one), sizes[1]))).toContain("0 of 1 table");
  });
});
