import { Fault } from "../../../../core/errors.ts";
import { newClient } from "../../connection.ts";
import { postgresFault } from "../../errors.ts";
import type { PostgresTarget } from "../../target.ts";
import { type FullXid, lowXid } from "../xid.ts";

/** The part of pg's protocol object that replication needs; its types leave it out. */
interface Wire {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  readonly stream: { destroy(): void };
  once(event: "replicationStart" | "errorMessage" | "end", listener: (message?: { message?: string }) => void): void;
}

/** A replication session: what a standby would use to tell the server which rows and which log it still needs. */
export interface Walsender {
  /** Attaches to a physical slot. `lsn`: any position that is still there. */
  attach(slot: string, lsn: string): Promise<void>;
  send(message: Buffer): void;
  /** Cuts the line at once; what the slot was told stays. */
  close(): void;
}

export async function openWalsender(target: PostgresTarget): Promise<Walsender> {
  const options = { url: target.request.url, application: target.application, effect: "reading" as const };
  const client = newClient(options, { replication: "database" });
  client.on("error", () => undefined); // it is cut off by `close`
  await client.connect().catch((error: unknown) => {
    throw postgresFault(error, "opening a replication session", "reading");
  });
  const wire = (client as unknown as { connection: Wire }).connection;
  return {
    attach: (slot, lsn) => attach(wire, slot, lsn),
    send: (message) => wire.sendCopyFromChunk(message),
    close: () => wire.stream.destroy(),
  };
}

function attach(wire: Wire, slot: string, lsn: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const refused = (message?: { message?: string }) =>
      reject(new Fault("HF-PG-PIN", "the server refused the pin", { cause: message?.message ?? "connection lost" }));
    wire.once("replicationStart", () => resolve());
    wire.once("errorMessage", refused);
    wire.once("end", refused);
    // A slot's name has only a-z, 0-9 and _; an LSN only hex digits and a slash: nothing to quote.
    wire.query(`START_REPLICATION SLOT ${slot} PHYSICAL ${lsn}`);
  });
}

const microsSince2000 = () => BigInt(Date.now() - Date.UTC(2000, 0, 1)) * 1000n;

/** "I still need all rows that were alive at `xmin`." */
export function hotStandbyFeedback(xmin: FullXid): Buffer {
  const message = Buffer.alloc(25);
  message.write("h", 0);
  message.writeBigInt64BE(microsSince2000(), 1);
  message.writeUInt32BE(lowXid(xmin), 9);
  message.writeUInt32BE(Math.floor(xmin / 2 ** 32), 13);
  return message;
}

/** "I have everything up to `lsn`", which makes the slot keep all that follows it. */
export function standbyStatus(lsn: bigint): Buffer {
  const message = Buffer.alloc(34);
  message.write("r", 0);
  for (const at of [1, 9, 17]) message.writeBigInt64BE(lsn, at);
  message.writeBigInt64BE(microsSince2000(), 25);
  return message;
}
