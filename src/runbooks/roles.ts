import type { RunbookStep } from "./schema.ts";

/** What needs a role → the runbook's role. A role named alone stands for each; what is not said is the role of that name, or main. */
export function rolesOf(
  on: RunbookStep["on"],
  needs: readonly string[],
  granted: readonly string[],
): Readonly<Record<string, string>> {
  const bound = (role: string) => {
    if (typeof on === "string") return on;
    return on?.[role] ?? (granted.includes(role) ? role : "main");
  };
  return Object.fromEntries(needs.map((role) => [role, bound(role)]));
}

/** What every run needs of every target, so that no runbook has to say it: to look at it, to lock it and to mark it. */
const implied: readonly string[] = ["inspect", "lock", "marker"];

export interface MissingGrant {
  readonly role: string;
  readonly capability: string;
}

/** Which capabilities are needed of a role of the runbook that was not granted them. */
export function missingGrants(
  on: Readonly<Record<string, string>>,
  needs: Readonly<Record<string, readonly string[]>>,
  granted: Readonly<Record<string, readonly string[]>>,
): readonly MissingGrant[] {
  return Object.entries(on).flatMap(([needing, role]) =>
    (needs[needing] ?? [])
      .filter((capability) => !implied.includes(capability) && !(granted[role] ?? []).includes(capability))
      .map((capability) => ({ role, capability })),
  );
}
