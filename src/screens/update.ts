import { readingMs } from "../core/question.ts";
import { shortRunId } from "../core/ids.ts";
import { isTooSmall } from "./frame.ts";
import { type Act, bindingFor, bindingsAt, keyName } from "./keys.ts";
import { just, type Message, type Model, placeOf, pushed, type Update, withCursor } from "./model.ts";
import { act, highlighted, opened } from "./update-acts.ts";
import { resized, typed, withRead } from "./update-confirm.ts";
import { withDoctor } from "./update-doctor.ts";
import { fieldChanged, judged, suggested } from "./update-inputs.ts";
import { ended, revealed, runChanged, sessionOpened, withoutWaiting } from "./update-run.ts";

/** The only way in which the screens' state changes. Pure: the same model and message give the same model and commands. */
export function update(before: Model, message: Message, now: number): Update {
  const { model, commands } = changed({ ...before, now }, message);
  return { model: withRead(model), commands };
}

function changed(model: Model, message: Message): Update {
  switch (message.kind) {
    case "key":
      return keyed(model, message.key);
    case "highlighted":
      return highlighted(model, message.index);
    case "opened":
      return opened(model, message.index);
    case "field":
      return fieldChanged(model, message.text);
    case "resized":
      return just(resized(model, message.size));
    case "ticked":
      return just(model);
    case "refreshed":
      return just({ ...model, bench: message.bench });
    case "judged":
      return judged(model, message.field, message.text, message.verdict);
    case "suggested":
      return just(suggested(model, message.field, message.text, message.items));
    case "planned":
      return just(withCursor(pushed({ ...model, busy: "" }, { kind: "plan", plan: message.plan }), 0));
    case "doctor-looks":
      return just(withDoctor(model, message.look, () => ({ note: message.note })));
    case "doctor-said":
      return just(withDoctor(model, message.look, (at) => ({ note: "", answers: [...at.answers, message.answer] })));
    case "went-wrong":
      return just({ ...withoutWaiting(model), busy: "", message: "", fault: message.fault });
    case "read":
      return just(readRun(model, message));
    case "session-opened":
      return sessionOpened(model, message.state, message.revealable);
    case "run-changed":
      return runChanged(model, message.state, message.revealable);
    case "revealed":
      return just(revealed(model, message.step, message.rows));
    case "run-ended":
      return ended(model, message.end);
    case "told-to-stop":
      return toldToStop(model, message.why);
  }
}

function keyed(before: Model, key: Extract<Message, { kind: "key" }>["key"]): Update {
  const name = keyName(key);
  const held = name === before.lastKey.name && before.now - before.lastKey.at < heldMs;
  const model = { ...before, lastKey: { name, at: before.now }, message: "" };
  const place = placeOf(model);
  const bound = bindingFor(model, key);
  if (model.dead !== "" && place !== "type" && bound?.does !== "interrupt") return deadKey(model, name, held);
  if (model.leaving === "asked" && bound?.does !== "leave" && bound?.does !== "interrupt") return stayed(model);
  if (bound === null) return place === "type" || place === "give-up" ? typed(model, key) : just(unbound(model, key));
  if (asksTooEarly(model) && bound.does !== "interrupt") {
    const message = "The question has only just appeared: read it first.";
    return just({ ...model, leaving: notAsked(model), message }, { do: "drain" });
  }
  if (held && isAnswer(bound.does, place)) return just({ ...model, message: "A held key answers nothing." });
  if (held && model.leaving === "asked" && bound.does === "leave")
    return just({ ...model, message: "A held key does not leave. Let go, then q again leaves; any other key stays." });
  if (isTooSmall(model.size) && !blindly.includes(bound.does))
    return just({ ...model, message: "Nothing is answered or begun in a window this small." });
  const enabled = bound.enabled(model);
  if (enabled !== true) return just({ ...model, message: `${bound.shows}: ${enabled}` });
  return act(model, bound.does);
}

function notAsked({ leaving }: Model): Model["leaving"] {
  return leaving === "asked" ? "no" : leaving;
}

/** What may be done without seeing the screen. */
const blindly: readonly Act[] = ["up", "down", "page-up", "page-down", "last", "back", "pause", "leave", "interrupt"];

/** Enter or Esc ends it and does nothing else; held down, they are still the hand that typed. */
function deadKey(model: Model, name: string, held: boolean): Update {
  const wakes = (name === "enter" || name === "escape") && !held;
  return just(wakes ? { ...model, dead: "", message: "Keys do again what the last row says." } : model);
}

/** The key that answers "Leave?" does nothing else, whatever it is bound to. */
function stayed(model: Model): Update {
  return just({ ...model, leaving: "no", message: "Stayed. That key did nothing else." });
}

/** A key held down repeats after up to 660 ms (X11), then every 30 to 40 ms. */
const heldMs = 700;

function asksTooEarly({ asked, now, aside }: Model): boolean {
  return asked !== null && asked.id !== aside && now - asked.at < readingMs;
}

const harmless: readonly string[] = [
  "up",
  "down",
  "page-up",
  "page-down",
  "last",
  "clear",
  "delete-word",
  "back",
  "interrupt",
  "leave",
];

function isAnswer(does: string, place: string): boolean {
  const inQuestion = place === "go" || place === "choice" || place === "failure" || place === "type";
  return inQuestion && !harmless.includes(does);
}

function unbound(model: Model, key: Extract<Message, { kind: "key" }>["key"]): Model {
  if (key.kind === "paste" || (key.kind === "text" && key.text.length > 1)) {
    return { ...model, message: "That looked like a paste: nothing was done." };
  }
  const help = bindingsAt(placeOf(model)).find(({ does }) => does === "help");
  const name = key.kind === "text" ? key.text : keyName(key);
  const said = name === " " ? "Space" : key.kind === "text" ? name : name.slice(0, 1).toUpperCase() + name.slice(1);
  return {
    ...model,
    message: `${said} does nothing here.${help === undefined ? "" : ` ${help.shows} shows what does.`}`,
  };
}

function readRun(model: Model, read: Extract<Message, { kind: "read" }>): Model {
  const { state, events } = read;
  if (read.for === "timeline")
    return withCursor(pushed({ ...model, busy: "" }, { kind: "timeline", state, events }), 0);
  const summary = model.bench.runs.find((one) => one.run === read.run);
  if (summary === undefined)
    return { ...model, busy: "", message: `run ${shortRunId(read.run)} is not in the journal` };
  return withCursor(pushed({ ...model, busy: "" }, { kind: "resume", summary, state, events: events.length }), 0);
}

/** Losing the screen is no reason to lose the step: the run stops at its next safe point. */
function toldToStop(model: Model, why: string): Update {
  if (!model.driving) return just({ ...model, leaving: "yes" }, { do: "exit", exit: model.end?.exit ?? "ok" });
  return just(
    { ...model, leaving: "yes", message: `${why}: pausing at the next safe point` },
    { do: "pause", reason: why },
  );
}
