import { Fault } from "../core/errors.ts";
import { checkDatabaseName, checkHost, checkPort } from "../core/patterns.ts";
import { Secret } from "../core/secret.ts";

export interface ConnectionUrl {
  readonly url: Secret;
  readonly database: string;
}

const example = "postgres://user:password@host:5432/database";

/**
 * A PostgreSQL URL, proved before any driver sees it; `database`, when given, takes the place of the URL's own. Faults `HF-URL-…`
 * (exit `input`) say which part is wrong and never show any part.
 */
export function checkConnectionUrl(secret: Secret, database?: string): ConnectionUrl {
  const text = secret.reveal();
  if (!/^postgres(ql)?:\/\//.test(text))
    throw urlFault("SCHEME", "it begins with neither postgres:// nor postgresql://");
  if (/[\s\p{Cc}]/u.test(text)) throw urlFault("FORM", "it has white space or control characters");
  const url = parseConnectionUrl(text);
  if (url === null) throw urlFault("FORM", "its host, port or password can't be read (%-encode what is special)");
  checkPlace(url);
  const checked = checkDatabaseName(database ?? decoded(url.pathname.slice(1)));
  if (!checked.ok) throw urlFault("DATABASE", `its database is refused: ${checked.reason}`, checked.passes);
  if (database === undefined) return { url: secret, database: checked.value };
  url.pathname = `/${database}`;
  return { url: new Secret(url.href.replace(`@${noHost}/`, "@/")), database };
}

const noHost = "no-host.invalid";

/** Null where it is no URL. `postgres://user@/database?host=/run/postgresql` is one for PostgreSQL, though not for the web. */
export function parseConnectionUrl(text: string): URL | null {
  const whole = text.replace(/^([a-z]+:\/\/[^/?#]*@)\//, `$1${noHost}/`);
  return URL.parse(text) ?? URL.parse(whole);
}

/** A literal that may stand in a file: only one that can hold no password. */
export function hasPassword(text: string): boolean {
  const url = parseConnectionUrl(text);
  if (url === null) return true;
  return url.password !== "" || [...url.searchParams.keys()].some((key) => /pass|secret|token|key/i.test(key));
}

function checkPlace(url: URL): void {
  for (const part of [url.username, url.password]) decoded(part);
  const host = url.hostname === "" || url.hostname === noHost ? url.searchParams.get("host") : decoded(url.hostname);
  if (host === null || host === "") throw urlFault("HOST", "it names no host");
  if (!host.startsWith("/")) {
    const checked = checkHost(host.replace(/^\[(.*)\]$/, "$1"));
    if (!checked.ok) throw urlFault("HOST", `its host is refused: ${checked.reason}`, checked.passes);
  }
  const ports = [url.port, url.searchParams.get("port") ?? ""].filter((port) => port !== "");
  for (const checked of ports.map(checkPort)) {
    if (!checked.ok) throw urlFault("PORT", `its port is refused: ${checked.reason}`, checked.passes);
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw urlFault("FORM", "a % in it is followed by no two hexadecimal digits");
  }
}

function urlFault(what: string, why: string, passes = example): Fault {
  return new Fault(`HF-URL-${what}`, `the connection URL is refused: ${why}`, {
    exit: "input",
    still: "Nothing was started; the URL is not shown.",
    hint: `What would pass: ${passes}.`,
  });
}
