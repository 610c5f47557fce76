import { shortRunId } from "../core/ids.ts";
import { type ConfirmQuestion, mostMisses, readingMs } from "../core/question.ts";
import { confirmRows, previewPrint } from "./views/confirm.view.ts";
import type { Key } from "./input/decode.ts";
import { emptyLine, howDiffers, typeKey } from "./input/line-edit.ts";
import { isAnswered, just, type Model, routeOf, type Update } from "./model.ts";

/** A key into the confirmation's own field: the run's question, or giving a run up. */
export function typed(model: Model, key: Key): Update {
  const question = confirmOf(model);
  const closed = question === null ? null : whyNotAnswerable(model, question);
  if (closed !== null) return just({ ...model, message: closed });
  const line = typeKey(model.typed, key, phraseOf(model), model.now);
  return just({ ...model, typed: line, message: line.refused });
}

/** Enter in the confirmation's field. What was typed is compared here only to say how it differs; the session decides. */
export function submitTyped(model: Model, question: ConfirmQuestion): Update {
  const closed = whyNotAnswerable(model, question);
  if (closed !== null) return just({ ...model, message: closed });
  const { text } = model.typed;
  // What was refused a moment ago (a paste that ends in Enter) says more than that nothing is there.
  const empty = model.typed.refused || "Nothing is typed.";
  if (text === "") return just({ ...model, message: `${empty} Enter alone confirms nothing.` });
  const answer = { kind: "typed", text, pasted: false } as const;
  const next: Model = { ...model, typed: emptyLine, dead: "" };
  if (text === phraseOf(model))
    return just(
      { ...next, answered: question.id, missed: { step: question.step, times: 0 } },
      { do: "answer", question: question.id, answer },
    );
  const message = `Not confirmed: ${nameOfAnother(model, text) ?? howDiffers(text, phraseOf(model))}.`;
  const missed = { step: question.step, times: model.missed.times + 1 };
  const dead = missed.times >= mostMisses ? thirdMiss : missedOnce;
  return just({ ...next, missed, message, dead }, { do: "answer", question: question.id, answer });
}

const missedOnce = "It is asked again. No key does anything before that, until you press Enter or Esc.";
const thirdMiss =
  "The third miss: the run pauses, nothing was begun. No key does anything until you press Enter or Esc.";

export function goAnswer(model: Model, question: ConfirmQuestion): Update {
  const closed = whyNotAnswerable(model, question);
  if (closed !== null) return just({ ...model, message: closed });
  const next = { ...model, answered: question.id };
  return just(next, { do: "answer", question: question.id, answer: { kind: "go" } });
}

/** Giving a run up lets its evidence go: its short id is typed. */
export function submitGiveUp(model: Model): Update {
  const route = routeOf(model);
  if (route.kind !== "give-up") return just(model);
  if (model.typed.text === "") return just({ ...model, message: "Nothing is typed. Enter alone gives nothing up." });
  if (model.typed.text !== phraseOf(model)) {
    const message = `Not given up: ${howDiffers(model.typed.text, phraseOf(model))}.`;
    return just({ ...model, typed: emptyLine, message });
  }
  const next = { ...model, typed: emptyLine, routes: model.routes.slice(0, -1), busy: "giving the leases back" };
  return just(next, { do: "give-up", run: route.run });
}

export function confirmOf(model: Model): ConfirmQuestion | null {
  const question = model.run?.question;
  return question?.kind === "confirm" && routeOf(model).kind === "run" ? question : null;
}

/** Why the question can't be answered as it stands on the screen: too small a window, lines not read, time run out. */
export function whyNotAnswerable(model: Model, question: ConfirmQuestion): string | null {
  if (isAnswered(model)) return "It is confirmed already. ^C stops at the next safe point.";
  const early = model.asked === null || model.now - model.asked.at < readingMs;
  if (early) return "The question has only just appeared: read it first.";
  if (model.now >= question.lapsesAt)
    return "This has lapsed: the server is looked at again before anything is asked anew.";
  const shown = confirmRows(model, question);
  if (shown.tooSmall !== null) return shown.tooSmall;
  if (shown.unread > 0) return `${shown.unread} lines of the preview are not read yet: PgDn`;
  return null;
}

/** What of a preview was on the screen counts as read; a preview that was read to its end stays read, whatever line comes up beside it. */
export function withRead(model: Model): Model {
  const question = confirmOf(model);
  if (question === null || model.asked === null || model.asked.id === model.aside) return model;
  const shown = confirmRows(model, question);
  if (shown.tooSmall !== null) return model;
  const asked = { ...model.asked, seen: Math.max(model.asked.seen, shown.seen) };
  return { ...model, asked, readThrough: shown.unread === 0 ? previewPrint(model, question) : model.readThrough };
}

/** Lines are counted at one width: at another, only what was read to its end is known to have been read. */
export function resized(model: Model, size: Model["size"]): Model {
  return { ...model, size, asked: model.asked === null ? null : { ...model.asked, seen: 0 } };
}

function phraseOf(model: Model): string {
  const route = routeOf(model);
  if (route.kind === "give-up") return shortRunId(route.run);
  const question = model.run?.question;
  return question?.kind === "confirm" && question.way.kind === "type" ? question.way.phrase : "";
}

function nameOfAnother(model: Model, text: string): string | null {
  const other = model.bench.targets.find(
    (target) => text === target.database || text === `${target.environment}/${target.database}`,
  );
  return other === undefined ? null : `that names the ${other.environment} target ${other.name}`;
}
