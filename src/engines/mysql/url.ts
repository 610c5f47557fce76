import type { ConnectionOptions } from "mysql2/promise";
import type { Secret } from "../../core/secret.ts";

/**
 * `mysql://user:password@host:3306/database`, or with `?socket=/run/mysqld/mysqld.sock`; `tls=verify` encrypts, and proves the server's
 * certificate. Nothing else of a URL reaches the driver: its own parameters could switch on what must stay off.
 */
export function addressOf(url: Secret): ConnectionOptions {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url.reveal());
  const socket = searchParams.get("socket");
  return {
    ...(socket === null ? { host: decodeURIComponent(hostname), port: Number(port || 3306) } : { socketPath: socket }),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    ...(searchParams.get("tls") === "verify" ? { ssl: { rejectUnauthorized: true } } : {}),
  };
}
