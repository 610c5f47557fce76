import { Fault } from "../../../core/errors.ts";
import type { ExitName } from "../../../core/exit-codes.ts";

interface Reason {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly exit: ExitName;
  /** The driver's own words may travel: they name an address, a role or a database, never a password. */
  readonly quote: boolean;
}

const unreachable: Reason = {
  code: "HF-CONNECT-UNREACHABLE",
  message: "the server can't be reached",
  hint: "Check that it runs, and the host, port or socket folder in the connection string.",
  exit: "unreachable",
  quote: true,
};
const badUrl: Reason = {
  code: "HF-CONNECT-URL",
  message: "the connection string can't be read",
  hint: "It must look like postgresql://user:password@host:5432/database; encode special characters of the password (@ is %40).",
  exit: "input",
  quote: false,
};
const password: Reason = {
  code: "HF-CONNECT-PASSWORD",
  message: "the server refused the role or its password",
  hint: "Check the user and the password behind the target's connection reference, and pg_hba.conf.",
  exit: "unreachable",
  quote: true,
};
const database: Reason = {
  code: "HF-CONNECT-DATABASE",
  message: "the server has no such database",
  hint: "Check the database's name in the connection string.",
  exit: "input",
  quote: true,
};
const full: Reason = {
  code: "HF-CONNECT-FULL",
  message: "the server takes no more connections",
  hint: "Free some, or connect as a role that may use the reserved ones.",
  exit: "unreachable",
  quote: true,
};
const starting: Reason = {
  code: "HF-CONNECT-STARTING",
  message: "the server is starting up or shutting down",
  hint: "Wait until it takes connections, then try again.",
  exit: "unreachable",
  quote: true,
};
const encryption: Reason = {
  code: "HF-CONNECT-TLS",
  message: "no encrypted connection could be agreed on",
  hint:
    "Check sslmode and sslrootcert in the connection string against what the server offers. With any sslmode but disable the server's " +
    "certificate is proved: name its CA by sslrootcert=FILE; or add uselibpqcompat=true, then sslmode=require encrypts without proving who answers, as in psql.",
  exit: "unreachable",
  quote: true,
};
const pooler: Reason = {
  code: "HF-CONNECT-POOLER",
  message: "a pooler stands before the server and refuses session settings",
  hint: "Connect to the server itself: Holdfast's lock and settings need sessions of their own.",
  exit: "refused",
  quote: true,
};

const byCode: Readonly<Record<string, Reason>> = {
  "28P01": password,
  "28000": password,
  "3D000": database,
  "53300": full,
  "57P03": starting,
  "08P01": pooler,
  ERR_INVALID_URL: badUrl,
};

/** Why the first connection failed, in words and with a code of its own. What the driver threw is not kept: it may hold the whole URL. Throws what no driver and no server would: that is a bug, and stays one. */
export function connectFault(thrown: unknown): Fault {
  const { code = "", message } = original(thrown);
  const reason = byCode[code] ?? byMessage(code, message);
  if (reason === null) return withoutDriver(thrown);
  const cause = reason.quote && message !== "" ? { cause: code === "" ? message : `${message} (${code})` } : {};
  return new Fault(reason.code, reason.message, {
    ...cause,
    hint: reason.hint,
    exit: reason.exit,
    still: "Nothing was begun.",
  });
}

function original(thrown: unknown): { readonly code?: string; readonly message: string } {
  const inner = thrown instanceof Fault && thrown.cause instanceof Error ? thrown.cause : thrown;
  return inner instanceof Error ? inner : new Error(String(inner));
}

function byMessage(code: string, message: string): Reason | null {
  if (/ssl|tls|certificate|self-signed/i.test(`${code} ${message}`)) return encryption;
  if (/invalid url|uri malformed/i.test(message)) return badUrl;
  if (/client password must be a string|SASL/i.test(message)) return password;
  return /^E[A-Z]+$/.test(code) || /timeout|terminated|closed/i.test(message) ? unreachable : null;
}

function withoutDriver(thrown: unknown): Fault {
  if (!(thrown instanceof Fault)) throw thrown;
  const { code, message, ...record } = thrown.record;
  return new Fault(code, message, record);
}
