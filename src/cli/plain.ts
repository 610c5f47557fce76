import type { RunEvent, Stamped } from "../core/event.ts";
import type { Question } from "../core/question.ts";
import { newestToShow, type Session, type Unsubscribe } from "../runner/session.ts";
import { faultRecord } from "../core/errors.ts";
import { eventLine } from "../words/event-line.ts";
import { valueLines } from "../words/values.ts";
import { type AskLine, answerTo, questionLines, type Shows } from "./plain-questions.ts";

/** One line an event, from the moment of subscribing. Progress: each 10 % or 30 s, and its last. */
export function showPlain(session: Session, say: (line: string) => void): Unsubscribe {
  const isDue = progressGate();
  return session.events((stamped) => {
    if (stamped.event.kind === "step.progressed" && !isDue(stamped)) return;
    const line = eventLine(stamped, session.state);
    if (line !== null) say(line);
  });
}

/** Asks the session's questions, each as long as it stands. */
export function answerPlain(
  session: Session,
  ask: AskLine,
  say: (line: string) => void,
  now: () => number,
): Unsubscribe {
  let asking: { readonly id: string; readonly over: AbortController } | null = null;
  const put = async (question: Question, over: AbortController) => {
    for (const line of questionLines(question, now())) say(line);
    const answer = await answerTo(question, ask, say, over.signal, showsOf(session));
    if (answer !== null) session.answer(question.id, answer);
    else if (!over.signal.aborted) session.pause("the input is over");
  };
  const follow = () => {
    const { question } = session.state;
    if (question?.id === asking?.id) return;
    asking?.over.abort();
    asking = question === null ? null : { id: question.id, over: new AbortController() };
    if (question === null || asking === null) return;
    void put(question, asking.over).catch(() => session.pause("the question could not be asked"));
  };
  const forget = session.subscribe(follow);
  void session.ended.then(() => asking?.over.abort());
  follow();
  return forget;
}

/** Sample rows of the newest step that has some; null where there is none to show. */
function showsOf(session: Session): Shows | null {
  const { person } = session.state;
  const step = newestToShow(session);
  if (step === null) return null;
  return async () => {
    try {
      const rows = await session.reveal(step);
      return rows.length === 0 ? ["There are no rows to show."] : valueLines(rows, person.operator);
    } catch (error) {
      const { code, message } = faultRecord(error);
      return [`${code} ${message}`];
    }
  };
}

const everyMs = 30_000;
const everyShare = 0.1;

type Progressed = Extract<RunEvent, { kind: "step.progressed" }>;

function progressGate(): (stamped: Stamped) => boolean {
  const told = new Map<string, { readonly at: number; readonly share: number }>();
  return ({ at, event }) => {
    const { step, progress } = event as Progressed;
    const share = progress.total ? progress.done / progress.total : 0;
    const before = told.get(step);
    const due =
      before === undefined ||
      at - before.at >= everyMs ||
      share - before.share >= everyShare ||
      share < before.share ||
      (share === 1 && before.share < 1);
    if (due) told.set(step, { at, share });
    return due;
  };
}

/** Every event as one JSON object a line. */
export function showJson(session: Session, write: (line: string) => void): Unsubscribe {
  return session.events((stamped: Stamped) => write(JSON.stringify({ run: session.run, ...stamped })));
}
