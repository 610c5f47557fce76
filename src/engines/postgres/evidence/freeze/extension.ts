import type { RunId } from "../../../../core/ids.ts";
import { isJsonObject } from "../../../../core/json.ts";
import type { LeaseDraft, LeaseKeeper } from "../../../../core/lease.ts";
import type { HoldPart } from "../../../engine.ts";
import type { Connection } from "../../connection.ts";
import { postgresFault } from "../../errors.ts";
import type { PostgresTarget } from "../../target.ts";
import { here } from "./pins.ts";

/** A contrib extension for the time of the run. Its comment says that it is ours, so a release never drops another's. */
export function extensionPart(target: PostgresTarget, name: string, what: string, run: RunId): HoldPart {
  const comment = ourComment(run);
  const lease: LeaseDraft = {
    kind: "extension",
    name,
    where: here,
    words: `The extension ${name} is installed in this database: ${what}`,
    byHand: `DROP EXTENSION ${name}`,
    keepable: false,
    facts: { comment },
  };
  return {
    lease,
    take: async () => {
      const connection = await target.open("writing");
      try {
        return { comment, schema: await create(connection, name, comment) };
      } finally {
        await connection.close();
      }
    },
  };
}

const ourComment = (run: RunId) => `made by Holdfast for run ${run}`;

/** One that is there already is left as it is: ours from before a kill, or another's, which the comment tells apart. */
async function create(connection: Connection, name: string, comment: string): Promise<string> {
  const there = await connection.rows(
    "looking for an extension",
    `SELECT extnamespace::regnamespace::text AS schema FROM pg_extension WHERE extname = $1`,
    [name],
  );
  if (there[0] !== undefined) return there[0].schema ?? "";
  const sql = `SELECT quote_ident(nspname) AS schema FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
                ORDER BY nspname <> 'public', nspname LIMIT 1`;
  const { schema } = await connection.row("choosing a schema", sql);
  const text = connection.client.escapeLiteral(comment);
  // One message with two statements is one transaction: there is no extension without its comment.
  await connection.client
    .query(`CREATE EXTENSION ${name} SCHEMA ${schema}; COMMENT ON EXTENSION ${name} IS ${text}`)
    .catch((error: unknown) => {
      throw postgresFault(error, `installing the extension ${name}`, "writing");
    });
  return schema ?? "";
}

export function extensionKeeper(target: PostgresTarget): LeaseKeeper {
  const comment = (facts: unknown) => (isJsonObject(facts) && typeof facts.comment === "string" ? facts.comment : "");
  return {
    find: async ({ name, facts }) =>
      (await commentOf(await target.catalogue(), name)) === comment(facts) ? "present" : "absent",
    release: async ({ name, facts }) => {
      const connection = await target.open("writing");
      try {
        if ((await commentOf(connection, name)) === comment(facts))
          await connection.run("dropping our extension", `DROP EXTENSION IF EXISTS ${name}`);
      } finally {
        await connection.close();
      }
    },
  };
}

async function commentOf(connection: Connection, name: string): Promise<string | null> {
  const sql = `SELECT obj_description(oid, 'pg_extension') AS comment FROM pg_extension WHERE extname = $1`;
  const [row] = await connection.rows("looking for an extension", sql, [name]);
  return row?.comment ?? null;
}
