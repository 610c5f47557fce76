import type { Guard, GuardView } from "./guard.ts";

export const changeTicket: Guard = {
  name: "change-ticket",
  summary: "A change ticket stands behind every write, where the policy knows of tickets",
  before: ["write", "destroy"],
  sandbox: "skipped",
  watched: false,

  async judge(view) {
    const { ticket: rule } = view.policy;
    if (rule === "none") return { verdict: "skipped", reason: "no ticket system is configured" };
    const ticket = ticketOf(view);
    if (ticket !== null) return { verdict: "allow", reason: `ticket ${ticket}` };
    if (rule === "optional") return { verdict: "skipped", reason: "tickets are optional here, and none was given" };
    return {
      verdict: "deny",
      reason: "the policy asks for a change ticket, and this run has none",
      hint: "Add a note to the run that reads `ticket: CHG-1234`, with its real number, and retry.",
    };
  },
};

/** From the runbook's input `ticket` where it has one, else from the newest note that names one. */
function ticketOf({ state }: GuardView): string | null {
  const given = state.plan.inputs.ticket;
  if (typeof given === "string" && given.trim() !== "") return given.trim();
  const named = state.notes
    .map(({ text }) => /\bticket:\s*([\w./#-]+)/i.exec(text)?.[1])
    .filter((one) => one !== undefined);
  return named.at(-1) ?? null;
}
