import { randomInt } from "node:crypto";
import type { Clock } from "../../../core/clock.ts";
import { Fault } from "../../../core/errors.ts";
import type { Traffic } from "../../rehearse.ts";
import type { Connection } from "../connection.ts";
import { type ShopTable, shopTables } from "./shop.ts";
import { noteChange, noteGone } from "./truth.ts";

interface Counts {
  changes: number;
  reads: number;
}

/** What the shop does all day, a few times a second, on rows that the incident does not take. Each change is noted in its own transaction. */
export async function startTraffic(
  open: () => Promise<Connection>,
  clock: Clock,
  { deletes }: { readonly deletes: boolean },
): Promise<Traffic> {
  const session = await open();
  const rows = await session.rows(
    "looking for live orders",
    "select id from public.orders where status in ('new', 'paid') order by id desc limit 400",
  );
  const orders = rows.map((row) => row.id ?? "");
  const counts: Counts = { changes: 0, reads: 0 };
  const stopping = new AbortController();
  const working = keepOn({ session, open, clock, orders, counts, deletes }, stopping.signal);
  // Told to whoever stops the traffic, not to nobody.
  working.catch(() => undefined);
  return {
    stop: async () => {
      stopping.abort();
      await working;
      return { ...counts };
    },
  };
}

interface Shift {
  session: Connection;
  readonly open: () => Promise<Connection>;
  readonly clock: Clock;
  readonly orders: readonly string[];
  readonly counts: Counts;
  /** Customers also call orders off for good. */
  readonly deletes: boolean;
}

async function keepOn(shift: Shift, signal: AbortSignal): Promise<void> {
  try {
    while (!signal.aborted) {
      const order = shift.orders[randomInt(Math.max(1, shift.orders.length))];
      await oneRequest(shift, order).catch((error: unknown) => recover(shift, error));
      await shift.clock.sleep(100 + randomInt(100), signal);
    }
  } finally {
    await shift.session.close();
  }
}

/** As a shop does: tries again where somebody holds the table, connects again where its session was ended. A change and its note go together. */
async function recover(shift: Shift, error: unknown): Promise<void> {
  if (!(error instanceof Fault)) throw error;
  if (error.record.code === "HF-PG-CONNECTION-LOST") {
    await shift.session.close();
    shift.session = await shift.open();
  } else if (error.record.after === "rolled-back") await shift.session.run("giving up a request", "rollback");
  else throw error;
}

async function oneRequest({ session, counts, deletes }: Shift, order: string | undefined): Promise<void> {
  const kind = randomInt(deletes ? 5 : 4);
  if (kind === 0 || order === undefined) {
    await session.rows("reading an order", "select id, total from public.orders where id = $1", [order ?? null]);
    counts.reads += 1;
    return;
  }
  await session.run("beginning", "begin");
  if (kind === 1) await payOrder(session, order);
  else if (kind === 2) await visit(session, String(1 + randomInt(100)));
  else if (kind === 3) await placeOrder(session);
  else await callOff(session, order);
  await session.run("committing", "commit");
  counts.changes += 1;
}

async function payOrder(session: Connection, order: string): Promise<void> {
  await session.run("paying", "update public.orders set status = 'paid', labels = array['in hand'] where id = $1", [
    order,
  ]);
  await noteChange(session, shopTable("public.orders"), "t.id = $2::bigint", order);
}

async function visit(session: Connection, customer: string): Promise<void> {
  await session.run("visiting", "update public.customers set last_seen = clock_timestamp() where id = $1", [customer]);
  await noteChange(session, shopTable("public.customers"), "t.id = $2::bigint", customer);
}

async function placeOrder(session: Connection): Promise<void> {
  const { id } = await session.row(
    "placing an order",
    `insert into public.orders (public_id, customer_id, total, details)
     values (gen_random_uuid(), 1 + floor(random() * 100)::bigint, 42.50, '{"channel": "app"}') returning id`,
  );
  const order = id ?? "";
  await session.run(
    "placing its lines",
    `insert into public.order_lines (order_id, line_no, product_id, quantity, price) select $1::bigint, n, n, 1, 21.25 from generate_series(1, 2) n`,
    [order],
  );
  await noteChange(session, shopTable("public.orders"), "t.id = $2::bigint", order);
  await noteChange(session, shopTable("public.order_lines"), "t.order_id = $2::bigint", order);
  await noteChange(session, shopTable("public.order_audit"), "t.order_id = $2::bigint", order);
}

/** Its lines and payments go with it. */
async function callOff(session: Connection, order: string): Promise<void> {
  await noteGone(session, shopTable("public.orders"), "t.id = $2::bigint", order);
  await noteGone(session, shopTable("public.order_lines"), "t.order_id = $2::bigint", order);
  await noteGone(session, shopTable("public.payments"), "t.order_id = $2::bigint", order);
  await session.run("calling an order off", "delete from public.orders where id = $1", [order]);
}

function shopTable(name: string): ShopTable {
  const found = shopTables.find(({ table }) => table === name);
  if (!found) throw new Error(`the shop has no table ${name}`);
  return found;
}
