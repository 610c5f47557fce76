import { isAnswered, just, type Model, type Update } from "./model.ts";

/** `q`: never destroys. With a run in the air it asks first, then pauses it and leaves when it has let go. */
export function leave(model: Model): Update {
  if (!model.driving) return just({ ...model, leaving: "yes" }, { do: "exit", exit: model.end?.exit ?? "ok" });
  if (model.leaving === "no") {
    const message = "Leave? The run pauses at its next safe point and stays open. q again leaves, any other key stays.";
    return just({ ...model, leaving: "asked", message });
  }
  return pause({ ...model, leaving: "yes" }, "the operator left");
}

export function pause(model: Model, reason: string): Update {
  const message = `Pausing: ${safePoint(model)}. What is committed stays committed.`;
  return just({ ...model, stops: Math.max(1, model.stops), message }, { do: "pause", reason });
}

/** Ctrl-C: once stops at the next safe point, twice cancels the statement, three times exits at once; each leaves a resumable run. */
export function interrupt(model: Model): Update {
  if (!model.driving) return just({ ...model, leaving: "yes" }, { do: "exit", exit: model.end?.exit ?? "ok" });
  const stops = model.leaving === "yes" ? model.stops + 1 : 1;
  const next: Model = { ...model, stops, leaving: "yes" };
  if (stops === 1) return just({ ...next, message: firstStop(next) }, { do: "pause", reason: "Ctrl-C" });
  if (stops === 2) {
    const message = "Cancelling the statement. Its outcome is not known until resume asks the server. ^C exits now.";
    return just({ ...next, message }, { do: "cancel" });
  }
  return just(next, { do: "exit", exit: "interrupted" });
}

function firstStop(model: Model): string {
  return `Stopping: ${safePoint(model)}. ^C again cancels the statement.`;
}

/** Where the run stops, by what it does just now, whichever screen is in front of it. */
function safePoint(model: Model): string {
  const { run } = model;
  const running = run?.steps.find((step) => step.status === "running");
  if (running !== undefined) return running.progress === undefined ? "after this step" : "after this batch";
  if (isAnswered(model)) return "before what you just confirmed begins, or at its first safe point";
  if (run?.question !== null && run !== null) return "nothing is in the air, so at once";
  return "before the next step begins, or at its first safe point";
}
