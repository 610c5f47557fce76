import { isJsonObject, type Json } from "../../../../core/json.ts";
import type { LeaseState } from "../../../../core/run-state.ts";
import type { Finding } from "../../../../core/step.ts";
import type { PostgresTarget } from "../../target.ts";
import { finding, size } from "../say.ts";
import { ahead, lowXid } from "../xid.ts";
import { autovacuumNow, isOff } from "./autovacuum.ts";
import { extensionKeeper } from "./extension.ts";
import { mostHeldWal } from "./most-held.ts";
import { readSlot, type Slot } from "./slots.ts";
import { tableLockKeeper } from "./table-lock.ts";

/** Asks the server about each hold. A lost pin on rows is `stop`; what only helps is `warn`. */
export async function heldFindings(target: PostgresTarget, leases: readonly LeaseState[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const lease of leases) if (lease.status === "taken") findings.push(...(await heldFinding(target, lease)));
  if (leases.some(({ lease, status }) => lease.kind === "row-pin" && status === "taken")) findings.push(cachedHorizons);
  return findings;
}

const cachedHorizons = finding(
  "note",
  "A session that was connected before the pin may still remove dead rows by its older horizon, until its next transaction that looks anew.",
  "The exclusive lock on the table stops that too, at the price of an outage for it.",
);

async function heldFinding(target: PostgresTarget, { lease, facts }: LeaseState): Promise<readonly Finding[]> {
  const connection = await target.catalogue();
  const fact = (name: string) => factOf(facts, name);
  if (lease.kind === "row-pin")
    return rowPinFindings(await readSlot(connection, lease.name, fact("pinnedAt")), lease.name, fact("xmin"));
  if (lease.kind === "wal-pin")
    return walPinFindings(
      await readSlot(connection, lease.name, fact("pinnedAt")),
      await mostHeldWal(target, connection),
    );
  if (lease.kind === "autovacuum-off") {
    const now = await autovacuumNow(connection, lease.name);
    if (isOff(now?.heap)) return [finding("ok", `Autovacuum is off for ${lease.name}.`)];
    return [finding("stop", `Autovacuum was turned on again for ${lease.name}.`, "Freeze again.")];
  }
  if (lease.kind === "extension") {
    const found = await extensionKeeper(target).find({ ...lease, facts });
    return found === "present" ? [] : [finding("warn", `The extension ${lease.name} is no longer the one we made.`)];
  }
  if (lease.kind !== "table-lock") return [];
  const locked = (await tableLockKeeper(target).find(lease)) === "present";
  return [
    locked
      ? finding("ok", `Nobody else can touch ${lease.name}.`)
      : finding("warn", `The lock on ${lease.name} is gone: its session ended.`, "The pin still holds the rows."),
  ];
}

function factOf(facts: Json, name: string): string | null {
  return isJsonObject(facts) && typeof facts[name] === "string" ? facts[name] : null;
}

function rowPinFindings(slot: Slot | null, name: string, xmin: string | null): readonly Finding[] {
  const hint = "Rows may be going now. Freeze again; what a search then finds is what is left.";
  if (slot === null) return [finding("stop", `The pin on the rows is gone: the server has no slot ${name}.`, hint)];
  if (slot.walStatus === "lost" || slot.invalidation !== null)
    return [finding("stop", `The pin on the rows is lost (${slot.invalidation ?? "wal_status lost"}).`, hint)];
  if (slot.xmin === null) return [finding("stop", "The pin on the rows is empty: the server crashed since.", hint)];
  if (xmin !== null && ahead(slot.xmin, lowXid(Number(xmin))) > 0)
    return [finding("stop", `The pin on the rows has moved ahead, to ${slot.xmin}.`, hint)];
  const crash = slot.checkpointed
    ? finding("ok", "The rows are held across a crash of the server.")
    : finding(
        "warn",
        "A crash of the server before its next checkpoint would lose the pin on the rows.",
        "CHECKPOINT; by somebody who may (pg_checkpoint, 15 and newer).",
      );
  return [
    finding("ok", `The rows are held: nothing that died since transaction ${xmin ?? slot.xmin} is removed.`),
    crash,
  ];
}

function walPinFindings(slot: Slot | null, limit: number): readonly Finding[] {
  if (slot === null || slot.walStatus === "lost" || slot.invalidation !== null)
    return [
      finding(
        "warn",
        "The pin on the server's log is lost. The rows are held on their own.",
        "Rows that are off their pages may be lost, and savepoints of the statement may have to be told by time alone.",
      ),
    ];
  const kept = `Keeps ${size(slot.heldWal)} of WAL, back to ${slot.restartLsn}.`;
  if (slot.heldWal > limit)
    return [finding("warn", kept, `That is over the limit of ${size(limit)}: it is given back within seconds.`)];
  return [
    finding("ok", kept),
    ...(slot.checkpointed ? [finding("ok", "The log is held across a crash of the server.")] : []),
  ];
}
