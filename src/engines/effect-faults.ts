import { Fault } from "../core/errors.ts";
import type { Claim } from "./marker.ts";

/** What an engine says where an effect may not begin, or may not be committed: the same on each, since what to do is. */
export function lockLost(): Fault {
  return new Fault("HF-LOCK-LOST", "the session that held the target lock is gone", {
    exit: "busy",
    after: "rolled-back",
    still: "Nothing was written without the lock.",
    hint: "Look whether the server restarted or somebody ended the session, then resume: the lock is taken anew.",
  });
}

export function markerForeign(claim: Claim): Fault {
  return new Fault("HF-MARKER-FOREIGN", `the target holds a marker ${claim.key} of this run under another plan`, {
    exit: "refused",
    still: "Nothing was done.",
    hint: "The journal and the target do not belong together: look at holdfast.effect on the target before you go on.",
  });
}

export function markerBlocked(claim: Claim): Fault {
  return new Fault("HF-MARKER-BLOCKED", `another session's open transaction holds the marker ${claim.key}`, {
    exit: "busy",
    still: "Nothing was done by this process.",
    hint: "An earlier process of this run may still be at work on the server: wait until it ends, or end it, then resume.",
  });
}

export function leftTransaction(): Fault {
  return new Fault("HF-MARKER-LEFT", "a statement within the effect ended the transaction that it ran in", {
    exit: "bug",
    after: "unknown",
    hint: "This is a fault of Holdfast. Look at the target before you resume, and report it.",
  });
}
