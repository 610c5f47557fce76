import { hash } from "node:crypto";
import type { RunId } from "../core/ids.ts";

/** An event as its row holds it. `body` is the text that was stored; it is never written anew to be hashed. */
export interface EventRow {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly body: string;
  readonly hash: string;
}

/** One line of the chain over the whole file. `seq` and `head` are the newest event of that run when the line was written. */
export interface LedgerRow {
  readonly n: number;
  readonly at: number;
  readonly kind: "opened" | "resumed" | "paused" | "closed" | "amended" | "erased";
  readonly run: RunId;
  readonly seq: number;
  readonly head: string;
  readonly detail: string;
  readonly hash: string;
}

/** `before` is the hash of the run's event before it; empty for the first. */
export function eventHash(run: RunId, before: string, { seq, at, kind, body }: Omit<EventRow, "hash">): string {
  return digest(["holdfast.event.v1", run, String(seq), String(at), kind, body, before]);
}

/** `before` is the hash of the line before it; for the first the journal's own random id. */
export function ledgerHash(before: string, row: Omit<LedgerRow, "hash">): string {
  const { n, at, kind, run, seq, head, detail } = row;
  return digest(["holdfast.ledger.v1", String(n), String(at), kind, run, String(seq), head, detail, before]);
}

/** Each field with its length in bytes before it, so that no two lists of fields give one text. */
function digest(fields: readonly string[]): string {
  let text = "";
  for (const field of fields) text += `${Buffer.byteLength(field)}:${field},`;
  return hash("sha256", text, "hex");
}
