import type { PlannedStep } from "../core/plan.ts";
import type { Guard } from "./guard.ts";

/** Steps that only give space back: barring them would keep a full disk full. */
const givesBack: readonly PlannedStep["action"][] = ["release-leases"];

export const freeDisk: Guard = {
  name: "free-disk",
  summary: "Nothing is begun, and what runs is paused, when the disk of the journal or the scratch place runs full",
  before: ["hold", "write", "destroy"],
  sandbox: "asked",
  watched: true,

  async judge(view) {
    if (givesBack.includes(view.step.action)) return { verdict: "skipped", reason: "this step gives space back" };
    const { folders, minFreeDisk } = view.policy;
    const found = await Promise.all(folders.map(async (folder) => ({ folder, ...(await view.freeDisk(folder)) })));
    const fullest = found.toSorted((a, b) => a.share - b.share)[0];
    if (fullest === undefined) throw new Error("no folder to look at");
    const { folder, share, bytes } = fullest;
    const says = `${percent(share)} (${gigabytes(bytes)}) free at ${folder}, at least ${percent(minFreeDisk)} asked for`;
    if (share >= minFreeDisk) return { verdict: "allow", reason: says };
    return {
      verdict: "deny",
      reason: says,
      hint: "Free some space, or move the scratch place to another disk (scratch in holdfast.yaml), then resume.",
    };
  },
};

/** Rounded down: 9.96 % is not shown as the 10 % that it fails to reach. */
function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
