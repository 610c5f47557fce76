/**
 * The screens on a real terminal, with a workbench that has no server behind it: for eyes, not for the test run.
 * `node test/screens/support/play.ts [start|session]`
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { systemClock } from "../../../src/core/clock.ts";
import type { RunEvent } from "../../../src/core/event.ts";
import { runTui } from "../../../src/screens/app.tsx";
import { fakeWorkbench, type FakeSession } from "./fake-workbench.ts";
import { confirmQuestion, done, failureQuestion, mergePreview, merging, statementQuestion, story } from "./story.ts";

const workbench = fakeWorkbench(() => story("production"), undefined, merging().events);
const opened = workbench.open.bind(workbench);

function drive(session: FakeSession): FakeSession {
  void script(session);
  return session;
}

async function script(session: FakeSession): Promise<void> {
  const say = (...events: RunEvent[]) => session.append(...events);
  const answered = async (count: number) => {
    while (session.answers.length < count) await systemClock.sleep(50);
    return session.answers[count - 1];
  };
  const pausedWhen = setInterval(() => {
    if (!session.calls.some((call) => call.startsWith("pause") || call === "cancel")) return;
    clearInterval(pausedWhen);
    setTimeout(() => {
      say({ kind: "run.paused", reason: "paused by the operator" });
      session.finish({ exit: "paused" });
    }, 1500);
  }, 50);
  await systemClock.sleep(500);
  say(...done("freeze", 1200), ...done("statement", 900), { kind: "question.asked", question: statementQuestion });
  await answered(1);
  say(...done("path", 700));
  say({
    kind: "question.answered",
    question: "Q7",
    step: "statement",
    by: "ops_k",
    answered: { kind: "chosen", value: "x", label: "981,241 rows", data: null },
  });
  say(...done("rescue", 52_000, { rows: 981241 }), { kind: "step.previewed", step: "merge", preview: mergePreview });
  for (let n = 2; ; n += 1) {
    say({ kind: "question.asked", question: confirmQuestion({ id: `C${n}`, lapsesAt: Date.now() + 120_000 }) });
    const answer = await answered(n);
    if (answer?.kind === "typed" && answer.text === "shop_orders") break;
    say({
      kind: "question.answered",
      question: `C${n}`,
      step: "merge",
      by: "ops_k",
      answered: { kind: "mistyped", differs: "another" },
    });
  }
  say({ kind: "question.answered", question: "C", step: "merge", by: "ops_k", answered: { kind: "confirmed" } });
  say({ kind: "step.intended", step: "merge", attempt: 1, params: {}, recovery: "cursor" });
  for (let n = 1; n <= 300; n += 1) {
    say({
      kind: "step.progressed",
      step: "merge",
      progress: { done: n * 3270, total: 981_204, unit: "rows", note: `batch ${n} of 300` },
    });
    if (n % 5 === 0) say({ kind: "output.printed", step: "merge", text: `batch ${n} committed 3,270 rows` });
    await systemClock.sleep(50);
  }
  say({
    kind: "step.ended",
    step: "merge",
    attempt: 1,
    outcome: "unknown",
    took: 15_000,
    fault: { code: "HF-PG-CONN-LOST", message: "the server closed the connection", after: "unknown", exit: "unknown" },
  });
  say({ kind: "question.asked", question: failureQuestion });
}

const bench = {
  ...workbench,
  open: (...args: Parameters<typeof opened>) => drive(opened(...args) as FakeSession),
  resume: () => drive(opened({} as never, {} as never) as FakeSession),
};
const { stdin, stdout, env } = process;
const first =
  process.argv[2] === "session"
    ? ({ kind: "session", session: bench.resume() } as const)
    : ({ kind: "start" } as const);
const end = await runTui({ workbench: bench, start: first, stdin, stdout, clock: systemClock, env, altScreen: true });
if (env.PLAY_LOG !== undefined) writeFileSync(env.PLAY_LOG, `${end.exit}\n${end.summary.join("\n")}\n`);
stdout.write(`${end.summary.join("\n")}\nexit ${end.exit}\n`);
if (end.bug !== undefined) console.error(end.bug);
process.exit(0);
