import type { Answer, ChoiceQuestion, FailureQuestion, Question } from "../../core/question.ts";
import type { IncidentKind } from "../../engines/rehearse.ts";
import type { Session, Unsubscribe } from "../../runner/session.ts";

/** How often a failure is answered with what is recommended before the run is left as it is. */
const failuresBorne = 3;

/** Answers a session's questions as a person would who reads them, and knows what happened: nothing here that a person could not do. Gives the way to leave. */
export function operate(session: Session, kind: IncidentKind): Unsubscribe {
  const answered = new Set<string>();
  let failures = 0;
  const look = () => {
    const { question } = session.state;
    if (question === null || answered.has(question.id)) return;
    answered.add(question.id);
    if (question.kind === "failure") failures += 1;
    const answer = answerTo(question, kind, failures > failuresBorne);
    // Not from within the event that asks: a person is never that quick either.
    setImmediate(() =>
      answer ? session.answer(question.id, answer) : session.pause("nobody is there who knows an answer"),
    );
  };
  const leave = session.subscribe(look);
  look();
  return leave;
}

export function answerTo(question: Question, kind: IncidentKind, givenUp = false): Answer | null {
  switch (question.kind) {
    case "confirm":
      if (question.way.kind === "go") return { kind: "go" };
      return { kind: "typed", text: question.way.phrase, pasted: false };
    case "choice":
      return choice(question, kind);
    case "failure":
      return afterFailure(question, givenUp);
  }
}

/**
 * Who staged a TRUNCATE or an UPDATE knows it when it is in the list. The shop's one trigger notes that an order came in; these came in long
 * ago, so it is not fired again.
 */
function wishesAfter(kind: IncidentKind): readonly string[] {
  const statement = kind === "update" ? "largest-update" : "largest";
  return ["rewrite", statement, "recommended", "skip", "default"];
}

function choice({ choices }: ChoiceQuestion, kind: IncidentKind): Answer | null {
  const open = choices.filter((one) => one.disabled === undefined);
  const wished = wishesAfter(kind).flatMap((wish) =>
    open.filter((one) => one.value === wish || one.tags.includes(wish)),
  );
  const picked = wished[0] ?? (open.length === 1 ? open[0] : undefined);
  return picked ? { kind: "choose", value: picked.value } : null;
}

function afterFailure({ options }: FailureQuestion, givenUp: boolean): Answer {
  const open = options.filter((option) => option.disabled === undefined);
  const recommended = givenUp ? undefined : open.find((option) => option.recommended);
  return { kind: "act", act: recommended?.act ?? "leave" };
}
