import type { Guard } from "./guard.ts";

export const targetLock: Guard = {
  name: "target-lock",
  summary: "Only the run that holds the lock on the target may change anything there",
  before: ["hold", "write", "destroy"],
  sandbox: "asked",
  watched: false,

  async judge(view) {
    if (view.state.purpose === "dry-run")
      return { verdict: "skipped", reason: "a dry run writes nothing and takes no lock" };
    if (await view.lockHeld()) return { verdict: "allow", reason: "this run holds the lock on the target" };
    return {
      verdict: "deny",
      reason: "this run does not hold the lock on the target",
      hint: "Resume the run: it takes the lock again, or says who holds it.",
    };
  },
};
