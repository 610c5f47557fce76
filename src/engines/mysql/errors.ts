import { Fault } from "../../core/errors.ts";

interface ServerError {
  readonly code?: string;
  readonly errno?: number;
  readonly sqlState?: string;
  readonly fatal?: boolean;
  readonly message: string;
}

/** Lock wait timeout, deadlock: the first rolls back the statement alone, so whoever meets it ends the transaction. */
const conflicts = new Map([
  [1205, "HF-MYSQL-LOCK-TIMEOUT"],
  [1213, "HF-MYSQL-CONFLICT"],
]);
/** Interrupted; a statement's time is over (MariaDB, MySQL). */
const cancelled = new Set([1317, 1969, 3024]);
/** Server shutdown, gone away, lost, killed (MariaDB), sent away as idle (MySQL). */
const gone = new Set([1053, 1927, 2006, 2013, 4031]);
const goneCodes = new Set(["PROTOCOL_CONNECTION_LOST", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ECONNREFUSED", "ENOENT"]);
const refused = new Set([1044, 1045, 1142, 1143, 1227, 1370, 1419, 1698]);
/** Their messages are the server's own words about names and settings; all others may quote a row's value, or be a trigger's own. */
const speaking = new Set([1040, 1046, 1049, 1050, 1054, 1146, 1193, 1231, 1290, 1665, 1766, 1792, 1836, 1872, 2061]);

/**
 * A driver's error in words that may travel: a message that may hold a row's value (a duplicate key, a value out of range, what a trigger
 * signals, the text near a syntax error) is dropped, and the error itself is not kept as a cause. Faults pass unchanged.
 */
export function mysqlFault(error: unknown, doing: string, effect: "reading" | "writing"): Fault {
  if (error instanceof Fault) return error;
  const found = error as ServerError;
  const { errno = 0 } = found;
  const cause = causeWords(found);
  const conflict = conflicts.get(errno);
  if (conflict !== undefined) {
    const draft = { cause, after: "rolled-back", passing: true, hint: "Try again." } as const;
    return new Fault(conflict, `${doing}: ${cause}`, { ...draft, still: "The transaction is rolled back." });
  }
  if (isLost(found)) return lostFault(doing, cause, effect);
  if (cancelled.has(errno))
    return new Fault("HF-MYSQL-CANCELLED", `${doing}: cancelled`, { cause, after: "rolled-back" });
  if (refused.has(errno)) {
    const hint = "Connect as an account that may do this (the error names what), or ask the DBA.";
    return new Fault("HF-MYSQL-NOT-ALLOWED", `${doing}: ${cause}`, { cause, exit: "refused", hint });
  }
  if (errno === 0)
    return new Fault("HF-MYSQL-UNEXPECTED", `${doing}: ${cause}`, { cause, after: "unknown", exit: "bug" });
  return new Fault(`HF-MYSQL-${errno}`, `${doing}: ${cause}`, {
    cause,
    after: effect === "writing" ? "rolled-back" : "none",
    ...(effect === "writing" ? { still: "The transaction was rolled back." } : {}),
    hint: "The error's number is in the server's manual; its own log may have the whole message. Mend what it names, then go on.",
  });
}

function isLost({ errno = 0, code = "", message }: ServerError): boolean {
  return gone.has(errno) || goneCodes.has(code) || /connection is in closed state|Connection lost/i.test(message);
}

function lostFault(doing: string, cause: string, effect: "reading" | "writing"): Fault {
  return new Fault(lostCode, `${doing}: the connection was lost`, {
    cause,
    after: effect === "writing" ? "unknown" : "none",
    exit: effect === "writing" ? "unknown" : "unreachable",
    hint: "Look whether the server runs and can be reached, then resume.",
  });
}

export const lostCode = "HF-MYSQL-CONNECTION-LOST";
/** A row with this key is there. */
export const duplicateCode = "HF-MYSQL-1062";

function causeWords({ code = "", errno = 0, message }: ServerError): string {
  if (errno === 0) return goneCodes.has(code) ? `${code}` : "the driver failed";
  const isOwn = speaking.has(errno) || refused.has(errno) || conflicts.has(errno);
  return isOwn ? `${message} (error ${errno})` : `the server or one of its triggers refused (error ${errno})`;
}
