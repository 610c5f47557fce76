import { Fault } from "../../../core/errors.ts";
import type { Connection } from "../connection.ts";
import { postgresFault } from "../errors.ts";

const connectionLost = "HF-PG-CONNECTION-LOST";

/**
 * Whatever fails in `work` fails before COMMIT was sent, so nothing of it lasts: a lost connection means rolled back, not unknown.
 * The transaction is ended; where that can't be said to the server any more, the server ends it itself.
 */
export async function endedBeforeCommit<T>(session: Connection, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isLost(error)) throw rolledBack(error);
    await session.run("rolling back", "rollback").catch((again: unknown) => {
      if (!isLost(again)) throw again;
    });
    throw error;
  }
}

/** A COMMIT whose answer did not come may have happened or not; one that was answered with ROLLBACK did not. */
export async function commit(session: Connection): Promise<void> {
  const answer = await session.client.query("commit").catch((error: unknown) => {
    throw postgresFault(error, "committing", "writing");
  });
  if (answer.command === "COMMIT") return;
  throw new Fault("HF-MARKER-ROLLED-BACK", "the server rolled the transaction back in place of committing it", {
    after: "rolled-back",
    still: "Nothing of this transaction lasts.",
  });
}

function isLost(error: unknown): error is Fault {
  return error instanceof Fault && error.record.code === connectionLost;
}

function rolledBack(fault: Fault): Fault {
  const { code, message, ...record } = fault.record;
  const still = "COMMIT had not been sent: the server rolls the transaction back.";
  return new Fault(
    code,
    message,
    { ...record, still, after: "rolled-back", passing: true, exit: "unreachable" },
    { cause: fault },
  );
}
