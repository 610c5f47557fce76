import type { AfterFault } from "../../core/errors.ts";
import { Fault } from "../../core/errors.ts";
import type { ExitName } from "../../core/exit-codes.ts";

/** The server said that it rolled the transaction back, or that it never began it (PostgreSQL docs, appendix A). */
const rolledBack = new Set(["40001", "40P01", "55P03"]);
/** The connection went away; what the server did with the last statement is not known. */
const connectionGone = /^(08|57P0[123])/;
const socketCodes = new Set([
  "ECONNRESET",
  "EPIPE",
  "ECONNREFUSED",
  "ENOENT",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENOTFOUND",
]);

interface ServerError {
  readonly code?: string;
  readonly severity?: string;
  readonly message: string;
  readonly schema?: string;
  readonly table?: string;
  readonly constraint?: string;
  readonly routine?: string;
}

/**
 * A driver's error in words that may travel. DETAIL, HINT and WHERE of the server can hold rows' values and are dropped; so is the
 * message of the classes that quote values or are written by users (22: data exceptions, 23: constraints, P0: raised in functions). Faults pass unchanged.
 * The error itself is not kept as a cause: it holds what was dropped.
 */
export function postgresFault(error: unknown, doing: string, effect: "reading" | "writing"): Fault {
  if (error instanceof Fault) return error;
  const { code = "", message } = error as ServerError;
  const cause = causeWords(error as ServerError);
  if (rolledBack.has(code)) {
    const draft = {
      cause,
      after: "rolled-back" as AfterFault,
      passing: true as const,
      still: "The transaction was rolled back.",
      hint: "Try again.",
    };
    return new Fault(code === "55P03" ? "HF-PG-LOCK-TIMEOUT" : "HF-PG-CONFLICT", `${doing}: ${cause}`, draft);
  }
  if (isConnectionLoss(code, message)) {
    const after: AfterFault = effect === "writing" ? "unknown" : "none";
    const exit: ExitName = effect === "writing" ? "unknown" : "unreachable";
    const hint = "Look whether the server runs and can be reached, then resume.";
    return new Fault("HF-PG-CONNECTION-LOST", `${doing}: the connection was lost`, { cause, after, exit, hint });
  }
  if (code === "57014") return new Fault("HF-PG-CANCELLED", `${doing}: cancelled`, { cause, after: "rolled-back" });
  if (code === "42501") {
    const hint = "Connect as a role that may do this (the error names what), or ask the DBA.";
    return new Fault("HF-PG-NOT-ALLOWED", `${doing}: ${cause}`, { cause, exit: "refused", hint });
  }
  if (code === "") return new Fault("HF-PG-UNEXPECTED", `${doing}: ${cause}`, { cause, after: "unknown", exit: "bug" });
  return new Fault(`HF-PG-${code}`, `${doing}: ${cause}`, {
    cause,
    after: effect === "writing" ? "rolled-back" : "none",
    ...(effect === "writing" ? { still: "The transaction was rolled back." } : {}),
    hint: code.startsWith("P0") ? raisedHint : logHint,
    ...subjectOf(error as ServerError),
  });
}

const logHint = "The server's own log has the whole message. Mend what it names, then go on.";
const raisedHint =
  "A trigger, a function or an event trigger of this database raised it; its words may hold values and stand in the server's own log. " +
  "Ask who wrote it whether it may be off for the while, then go on.";

function subjectOf({ schema, table }: ServerError): { subject?: string } {
  return schema === undefined || table === undefined ? {} : { subject: `${schema}.${table}` };
}

function isConnectionLoss(code: string, message: string): boolean {
  return (
    connectionGone.test(code) ||
    socketCodes.has(code) ||
    // "timeout expired" is the driver's whole word on a server that took the connection and never spoke.
    /Connection terminated|connection.*closed|not queryable|^timeout expired$/i.test(message)
  );
}

/** Classes whose messages are the server's own and quote no row's value; a trigger's RAISE may say anything. */
const speaking = /^(0A|25|26|28|3D|3F|40|42|53|54|55|57|58|XX)/;

/** Where in the server's own code RAISE comes from: it chooses its class, so the class says nothing of its words. */
const raised = "exec_stmt_raise";

function causeWords({ code = "", message, table, constraint, routine }: ServerError): string {
  if (code === "" || socketCodes.has(code)) return message;
  if (speaking.test(code) && routine !== raised) return `${message} (SQLSTATE ${code})`;
  const where = [table && `table ${table}`, constraint && `constraint ${constraint}`].filter(Boolean).join(", ");
  return `${kindOf(code)}${where ? ` (${where})` : ""} (SQLSTATE ${code})`;
}

function kindOf(code: string): string {
  if (code.startsWith("23")) return "a constraint was violated";
  if (code.startsWith("22")) return "a value was not accepted";
  return "the server or one of its triggers refused";
}
