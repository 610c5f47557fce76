import type { TrialPlan } from "./drive.ts";
import { faultText } from "./fault.ts";
import type { Trial } from "./trial.ts";
import type { CrashWishes } from "./wishes.ts";

/** `kill@batch.done#2 kill@*#7`, with the face and the mutant where they are not the usual ones. */
export function planText({ faults, face, mutant }: TrialPlan): string {
  const words = faults.length === 0 ? "no fault" : faults.map(faultText).join(" ");
  return `${words}${face === "plain" ? " (plain)" : ""}${mutant === undefined ? "" : ` (${mutant})`}`;
}

/** One line for each violation; none when every invariant held. */
export function violationLines({ plan, violations }: Trial): readonly string[] {
  return violations.map(({ invariant, what }) => `${planText(plan)}: ${invariant} ${what}`);
}

/** A command that does the same once more; a kill at a moment depends on the machine's speed, everything else does not. */
export function repeatLine(
  { runbook, engine, which }: Pick<CrashWishes, "runbook" | "engine" | "which">,
  plan: TrialPlan,
): string {
  const faults = plan.faults.map(faultText).join(" ");
  const way = which.path === "recommended" ? "" : ` --path ${which.path}`;
  const what = which.incident === "delete" ? "" : ` --incident ${which.incident}`;
  const more = `${plan.face === "plain" ? " --face plain" : ""}${plan.mutant === undefined ? "" : ` --mutant ${plan.mutant}`}`;
  return `npm run test:crash -- --runbook ${runbook} --engine ${engine}${way}${what} --repeat "${faults}"${more}`;
}
