import type { Environment } from "../core/effect.ts";
import type { Guard, GuardView } from "./guard.ts";

/** The asking itself is the runner's; this verdict puts on record which rule stood before the effect. */
export const targetConfirmed: Guard = {
  name: "target-confirmed",
  summary: "A write or destroy waits until a person has typed what the target's environment asks for",
  before: ["write", "destroy"],
  sandbox: "asked",
  watched: false,

  async judge(view) {
    const environment = environmentOf(view);
    if (view.step.effect === "destroy") return { verdict: "allow", reason: "the database's name is typed before it" };
    switch (environment) {
      case "production":
        return { verdict: "allow", reason: "production: the database's name is typed before it" };
      case "staging":
        return { verdict: "allow", reason: "staging: the effect's verb is typed before it" };
      case "sandbox":
        return { verdict: "skipped", reason: "sandbox: nothing is typed, the key g is enough" };
    }
  },
};

/** Of the targets that the step is bound to; all targets of a plan have one environment. */
function environmentOf({ state, step }: GuardView): Environment {
  const role = Object.values(step.on)[0] ?? "main";
  const target = state.plan.targets[role];
  if (target === undefined) throw new Error(`the plan has no target ${role}`);
  return target.environment;
}
