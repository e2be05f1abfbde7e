/** The cart's part of the proof: one row is changed by hand, and the audit names the check that it breaks. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit, type DomainAudit } from "../../../src/audit/audit.ts";
import { CART_CHECKS } from "../../../src/domains/cart/checks-table.ts";
import { cart } from "../../../src/domains/cart/index.ts";
import { withClient } from "../../../tools/stack/postgres.ts";
import { add, BEN, begin, done, drop, failed } from "../../support/cart/cart.ts";
import { cartMessage } from "../../support/cart/messages.ts";
import { createDatabase, type TestDatabase } from "../../support/database.ts";
import { appendAll, projectAll } from "../../support/engine.ts";

/** Each way to tamper, with the checks that must name it. What the table itself refuses is allowed first. */
const TAMPERED: Readonly<Record<string, readonly [sql: string, ...checks: string[]]>> = {
  "an item of no piece": [
    `alter table cart_items drop constraint cart_items_count;
     update cart_items set count = 0 where sku = 1005`,
    "items_hold_one_or_more",
  ],
  "a second open checkout": [
    `drop index cart_checkouts_open;
     update cart_checkouts set user_id = 2 where id = 'open'`,
    "one_open_checkout_a_user",
    "checkouts_follow_commands",
    "frozen_within_open_checkout",
  ],
  "a checkout that is done without an order": [
    `alter table cart_checkouts drop constraint cart_checkouts_order;
     update cart_checkouts set order_id = null where id = 'done'`,
    "done_has_order",
  ],
  "an open checkout with an order": [
    `alter table cart_checkouts drop constraint cart_checkouts_order;
     update cart_checkouts set order_id = 9 where id = 'open'`,
    "done_has_order",
  ],
  "what a checkout ordered is gone": [
    "delete from cart_checkout_items where checkout = 'done'",
    "checkouts_have_items",
  ],
  "a checkout is gone": [
    "delete from cart_checkouts where id = 'done'",
    "frozen_items_have_checkouts",
    "commands_begin_checkouts",
  ],
  "more is frozen than is ordered": [
    `alter table cart_items drop constraint cart_items_frozen;
     update cart_items set frozen = frozen + 1 where user_id = 31337 and sku = 1002`,
    "frozen_within_open_checkout",
  ],
  "something is frozen without a checkout": [
    "update cart_items set frozen = 1 where sku = 1005",
    "frozen_within_open_checkout",
  ],
  "less is ordered than is frozen": [
    "update cart_checkout_items set count = 1 where checkout = 'open'",
    "frozen_within_open_checkout",
  ],
  "a checkout that failed called done": [
    "update cart_checkouts set state = 'done', order_id = 8, status = null where id = 'failed'",
    "checkouts_follow_commands",
  ],
  "a command that was declined began a checkout": [
    "update cart_commands set reason = 'empty_cart' where id = 'done'",
    "checkouts_follow_commands",
  ],
};

const checks = suite("checks of cart");

let database: TestDatabase;
checks.before(async () => {
  database = await databaseWithCarts();
});
checks.after(() => database[Symbol.asyncDispose]());

checks("nothing is broken before", async () => {
  assert.equal(await brokenAfter("select", 0), []);
});

for (const [what, [sql, ...names]] of Object.entries(TAMPERED)) {
  checks(`${what}: the proof of all positions, and that of the new ones, say so`, async () => {
    assert.equal(await brokenAfter(sql, 0), [...names].sort());
    assert.equal(await brokenAfter(sql, 1), [...names].sort());
  });
}

checks("the audit runs the checks", async () => {
  await using own = await databaseWithCarts();
  assert.ok((await audit(own, [cart])).holds);
  await own.admin("delete from cart_checkout_items where checkout = 'done'");
  const { holds, domains } = await audit(own, [cart], { isFull: true });
  assert.not.ok(holds);
  const broken = [...(domains.cart as DomainAudit).checks].filter(([, result]) => result.broken > 0n);
  assert.equal(
    broken.map(([name]) => name),
    ["checkouts_have_items"],
  );
});

checks("every check is broken by something here", () => {
  const broken = new Set(Object.values(TAMPERED).flatMap(([, ...names]) => names));
  assert.equal([...broken].sort(), CART_CHECKS.map(({ name }) => name).sort());
});

checks.run();

/** Ben has an open checkout, and so has Ann after one that is done and one that failed. */
async function databaseWithCarts(): Promise<TestDatabase> {
  const database = await createDatabase();
  const commands = [
    drop(1),
    add(1002, 2),
    begin("done"),
    done("done", 7),
    add(1002, 2),
    begin("failed"),
    failed("failed"),
    begin("open"),
    add(1005, 1),
    add(1003, 1, 10, BEN),
    begin("of-ben", BEN),
  ].map((command, index) => ({ id: `c${index}`, ...command }));
  await appendAll(database, commands.map(cartMessage), cart);
  await projectAll(database, cart);
  return database;
}

/** The names of the checks that find something after the statements, whose effect is then undone. */
async function brokenAfter(sql: string, proved: number): Promise<string[]> {
  return withClient(database.adminUrl, async (client) => {
    await client.query("begin");
    await client.query(sql);
    const broken: string[] = [];
    for (const check of CART_CHECKS) {
      const { rows } = await client.query(check.sql, [proved]);
      if (rows.length > 0) broken.push(check.name);
    }
    await client.query("rollback");
    return broken.sort();
  });
}
