import { PassThrough } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { chooseFace } from "../../src/cli/face.ts";
import { heedInterrupts } from "../../src/cli/interrupts.ts";
import type { Io } from "../../src/cli/parts.ts";
import { answerTo, type Line, questionLines, terminalLines } from "../../src/cli/plain-questions.ts";
import type { ChoiceQuestion, ConfirmQuestion, FailureQuestion, Question } from "../../src/core/question.ts";

const asked = {
  id: "q",
  step: "merge",
  asks: "Put 12 rows back",
  facts: [{ label: "database", text: "shop" }],
} as const;
const preview = {
  summary: "INSERT 12 rows",
  lines: ["into public.orders"],
  counts: { insert: 12 },
  undo: "by the list",
};
const typed: ConfirmQuestion = {
  ...asked,
  kind: "confirm",
  way: { kind: "type", phrase: "shop" },
  covers: ["merge"],
  previews: [{ step: "merge", preview }],
  lapsesAt: 120_000,
};
const go: ConfirmQuestion = { ...typed, way: { kind: "go" } };
const choice: ChoiceQuestion = {
  ...asked,
  kind: "choice",
  choices: [
    { value: "a", label: "first", details: ["more"], tags: ["largest"], data: null },
    { value: "b", label: "second", details: [], disabled: "no evidence", tags: [], data: null },
  ],
};
const failure: FailureQuestion = {
  ...asked,
  kind: "failure",
  known: ["4 rows are in"],
  unknown: ["batch 2"],
  options: [
    { act: "retry", label: "retry", disabled: "not yet" },
    { act: "leave", label: "leave" },
  ],
};

/** What is answered after these lines, and what was said to each that was no answer. */
async function answered(question: Question, ...lines: readonly (string | Line)[]) {
  const said: string[] = [];
  const left = lines.map((line) => (typeof line === "string" ? { text: line, pasted: false } : line));
  const ask = async () => left.shift() ?? null;
  const answer = await answerTo(question, ask, (line) => said.push(line), new AbortController().signal);
  return { answer, said };
}

test("a question shows what it is about, exactly, before it can be answered", () => {
  expect(questionLines(typed, 0)).toEqual([
    "Put 12 rows back",
    "  database: shop",
    "  will: INSERT 12 rows: insert 12",
    "        into public.orders",
    "  undo: by the list",
    "  lapses in 2:00",
  ]);
  expect(questionLines(choice, 0)).toContain("   2  second  -- not possible: no evidence");
  expect(questionLines(failure, 0)).toContain("  UNKNOWN: batch 2");
});

test("a typed name is handed on as it was typed, right or wrong", async () => {
  expect((await answered(typed, "shop")).answer).toEqual({ kind: "typed", text: "shop", pasted: false });
  expect((await answered(typed, "Shop ")).answer).toEqual({ kind: "typed", text: "Shop ", pasted: false });
});

test("neither Enter nor a pasted name confirms", async () => {
  const { answer, said } = await answered(typed, "", { text: "shop", pasted: true });
  expect(answer).toBeNull();
  expect(said).toEqual(["Enter alone confirms nothing.", "That came in one piece: type it by hand."]);
  expect((await answered(go, "", "y", "yes", "go", "G")).answer).toBeNull();
  expect((await answered(go, "g")).answer).toEqual({ kind: "go" });
});

test("`show` shows sample rows, as often as it is asked, and answers nothing", async () => {
  const said: string[] = [];
  const prompts: string[] = [];
  const lines = ["show", "show", "g"];
  const ask = async (prompt: string) => {
    prompts.push(prompt);
    return { text: lines.shift() ?? "", pasted: false };
  };
  const { signal } = new AbortController();
  const shows = async () => ["  note = was"];
  expect(await answerTo(go, ask, (line) => said.push(line), signal, shows)).toEqual({ kind: "go" });
  expect(said).toEqual(["  note = was", "  note = was"]);
  expect(prompts[0]).toContain("show shows sample rows");
});

test("`show` is what it says where nothing can be shown, and where it is the name to be typed", async () => {
  expect((await answered(go, "show")).said).toEqual(["Nothing was begun: g goes, q leaves."]);
  const named: ConfirmQuestion = { ...typed, way: { kind: "type", phrase: "show" } };
  const ask = async () => ({ text: "show", pasted: false });
  const nothing = async () => ["a value"];
  const answer = await answerTo(named, ask, () => undefined, new AbortController().signal, nothing);
  expect(answer).toEqual({ kind: "typed", text: "show", pasted: false });
});

test("q leaves every question", async () => {
  for (const question of [typed, go, choice, failure]) {
    expect((await answered(question, "q")).answer).toEqual({ kind: "decline" });
  }
});

test("a choice is a number or its value; what is not possible says why", async () => {
  expect((await answered(choice, "1")).answer).toEqual({ kind: "choose", value: "a" });
  expect((await answered(choice, "a")).answer).toEqual({ kind: "choose", value: "a" });
  expect(await answered(choice, "", "0", "3", "-1", "2", "b")).toEqual({
    answer: null,
    said: [...Array(4).fill("That is none of 1 to 2."), ...Array(2).fill("Not possible: no evidence")],
  });
  expect(await answered(failure, "1", "2")).toEqual({
    answer: { kind: "act", act: "leave" },
    said: ["Not possible: not yet"],
  });
});

test("what loses something for good is no number: its word is written", async () => {
  const lossy = { ...choice, choices: choice.choices.map((one) => ({ ...one, irreversible: "2 rows go for good" })) };
  const { answer, said } = await answered(lossy, "1", "a");
  expect(answer).toEqual({ kind: "choose", value: "a" });
  expect(said.join()).toContain("2 rows go for good. Write a to choose it all the same.");
});

test("a closed choice can be taken where an earlier process found it closed: the step looks once more", async () => {
  const { answer, said } = await answered({ ...choice, looksAnew: true }, "2");
  expect([answer, said]).toEqual([{ kind: "choose", value: "b" }, []]);
});

function terminal() {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const interrupts: number[] = [];
  const ask = terminalLines(
    stdin as unknown as NodeJS.ReadStream,
    stdout as unknown as NodeJS.WriteStream,
    () => interrupts.push(1),
    async () => wait(30),
  );
  return { stdin, ask, interrupts };
}

async function byHand(stdin: PassThrough, text: string): Promise<void> {
  for (const key of text) {
    stdin.write(key);
    await wait(2);
  }
}

test("a name typed key by key is no paste; one that comes in one piece is", async () => {
  const { stdin, ask } = terminal();
  const typing = ask("? ", new AbortController().signal);
  await wait(60);
  await byHand(stdin, "shop\r");
  expect(await typing).toEqual({ text: "shop", pasted: false });
  const pasting = ask("? ", new AbortController().signal);
  await wait(60);
  stdin.write("shop\r");
  expect(await pasting).toEqual({ text: "shop", pasted: true });
});

test("keys from before the question can't answer it", async () => {
  const { stdin, ask } = terminal();
  stdin.write("g\r");
  const asking = ask("? ", new AbortController().signal);
  stdin.write("g\r");
  await wait(60);
  await byHand(stdin, "x\r");
  expect(await asking).toEqual({ text: "x", pasted: false });
});

test("a question that is over stops waiting, and so does one whose input is over", async () => {
  const first = terminal();
  const over = new AbortController();
  const asking = first.ask("? ", over.signal);
  await wait(60);
  over.abort();
  expect(await asking).toBeNull();
  const second = terminal();
  const ending = second.ask("? ", new AbortController().signal);
  await wait(60);
  second.stdin.end();
  expect(await ending).toBeNull();
});

test("Ctrl-C reaches the run from within a question", async () => {
  const { stdin, ask, interrupts } = terminal();
  const asking = ask("? ", new AbortController().signal);
  await wait(60);
  stdin.write("\x03");
  await byHand(stdin, "x\r");
  await asking;
  expect(interrupts).toEqual([1]);
});

test("Ctrl-C pauses, then cancels, then leaves with 130; a lost terminal pauses", () => {
  const did: string[] = [];
  const session = { pause: (why: string) => did.push(`pause ${why}`), cancel: () => did.push("cancel") };
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const io = { ...streams, exit: (code: number) => did.push(`exit ${code}`) } as unknown as Io;
  const before = process.listenerCount("SIGINT");
  const { interrupt, stop } = heedInterrupts(session, io, () => undefined);
  interrupt();
  interrupt();
  interrupt();
  streams.stdout.emit("error", new Error("EPIPE"));
  process.emit("SIGHUP", "SIGHUP");
  expect(did).toEqual(["pause Ctrl-C", "cancel", "exit 130", "pause the terminal is gone", "pause SIGHUP"]);
  stop();
  expect(process.listenerCount("SIGINT")).toBe(before);
});

const tty = { stdin: { isTTY: true }, stdout: { isTTY: true } };
const pipe = { stdin: { isTTY: true }, stdout: { isTTY: false } };

test.each([
  [{}, tty, {}, "screens", undefined],
  [{}, pipe, {}, "plain lines: stdout is no terminal", false],
  [{ plain: true }, tty, {}, "plain lines: --plain was given", true],
  [{ plain: true }, pipe, {}, "plain lines: --plain was given", false],
  [{}, tty, { CI: "true" }, "plain lines: CI is set", false],
  [{}, tty, { CI: "false" }, "screens", undefined],
  [{}, tty, { ACCESSIBLE: "1" }, "plain lines: ACCESSIBLE is set", true],
  [{}, tty, { HOLDFAST_PLAIN: "1" }, "plain lines: HOLDFAST_PLAIN is set", true],
  [{}, tty, { INK_SCREEN_READER: "true" }, "plain lines: INK_SCREEN_READER is set", true],
  [{}, tty, { TERM: "dumb" }, "plain lines: TERM is dumb", true],
  [{ json: true }, tty, { CI: "1" }, "json", undefined],
])("flags %j, environment: the face and why", (flags, streams, env, expected, interactive) => {
  const face = chooseFace(flags, { ...streams, env } as unknown as Io);
  expect(face.kind === "plain" ? face.why : face.kind).toBe(expected);
  expect(face.kind === "plain" ? face.interactive : undefined).toBe(interactive);
});
