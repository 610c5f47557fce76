import { createHash, randomBytes } from "node:crypto";

export type RunId = string;
/** A step's place in the plan: its id; `use/id` for a step of a runbook that the step `use` uses; and, of an `each:`, `id:item`. */
export type StepKey = string;
export type LeaseId = string;
export type QuestionId = string;

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** UUIDv7 (RFC 9562): sorts by the time it was made. */
export function newRunId(now: number, random: (bytes: number) => Buffer = randomBytes): RunId {
  const bytes = Buffer.concat([Buffer.alloc(6), random(10)]);
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Four characters a person can say aloud, out of the random part: `7F3K`. Two runs may share them; the journal then asks for more. */
export function shortRunId(run: RunId): string {
  const tail = BigInt(`0x${run.replaceAll("-", "").slice(-5)}`);
  return [15n, 10n, 5n, 0n].map((shift) => crockford[Number((tail >> shift) & 31n)]).join("");
}

/** Twelve letters of the random part: names things of this run on a server (the first part is the time, which two runs may share). */
export function runTag(run: RunId): string {
  return run.replaceAll("-", "").slice(-12);
}

export function sha256(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex");
}
