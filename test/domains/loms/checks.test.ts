/** The part of loms in the proof: one row is changed by hand, and the audit names the check that it breaks. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { LOMS_CHECKS } from "../../../src/domains/loms/checks-table.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import { withClient } from "../../../tools/stack/postgres.ts";
import { createDatabase, type TestDatabase } from "../../support/database.ts";
import { appendAll, projectAll } from "../../support/engine.ts";
import { cancel, order, pay, stock } from "../../support/loms/loms.ts";
import { commandMessage } from "../../support/loms/messages.ts";

/** Before the name of a check that only a full audit makes. */
const FULL = "full: ";
const nameOf = (name: string) => name.replace(FULL, "");
const TOTAL = `${FULL}total_moves_once_for_each_payed_order`;

/** Each way to tamper, with the checks that must name it. */
const TAMPERED: Readonly<Record<string, readonly [sql: string, ...checks: string[]]>> = {
  "what is reserved": [
    "update loms_stocks set reserved = reserved + 1 where sku = 1002",
    "reserved_is_sum_of_unpaid_orders",
  ],
  "what others reserve": [
    "update loms_stocks set given_reserved = given_reserved - 1 where sku = 1002",
    "reserved_is_sum_of_unpaid_orders",
  ],
  "a stock is gone": ["delete from loms_stocks where sku = 1003", "reserved_is_sum_of_unpaid_orders"],
  "a total": ["update loms_stocks set total = total - 1 where sku = 1002", TOTAL],
  "a total that a payed order did not move": ["update loms_stocks set total = 200 where sku = 1002", TOTAL],
  "a count of an unpaid order": [
    "update loms_items set count = count + 1 where order_id = 1",
    "items_are_those_of_the_command",
    "reserved_is_sum_of_unpaid_orders",
  ],
  "a count of a payed order": [
    "update loms_items set count = count + 1 where order_id = 2",
    "items_are_those_of_the_command",
    TOTAL,
  ],
  "an item of a failed order is gone": [
    "delete from loms_items where order_id = 4 and sku = 1002",
    "items_are_those_of_the_command",
  ],
  "a failed order has one item more": [
    "insert into loms_items select 4, 1, 1, created_position from loms_orders where id = 4",
    "items_are_those_of_the_command",
  ],
  "an order is gone": [
    "delete from loms_orders where id = 4",
    "commands_have_orders",
    "changes_have_orders",
    "items_are_those_of_the_command",
  ],
  "an order that nobody created": [
    "insert into loms_orders values (6, 1, 'new', 1, now(), (select max(position) from loms_commands), (select max(position) from loms_commands))",
    "orders_equal_last_change",
  ],
  "a creation with another order": [
    "update loms_commands set order_id = 7 where id = 'o4'",
    "order_ids_without_gap",
    "commands_have_orders",
    "items_are_those_of_the_command",
    "changes_have_causes",
  ],
  "a change in the middle is gone": [
    "delete from loms_changes where order_id = 2 and sequence = 2",
    "changes_without_gap",
  ],
  "the last change is gone": [
    "delete from loms_changes where order_id = 3 and sequence = 3",
    "orders_equal_last_change",
  ],
  "a status of an order": [
    "update loms_orders set status = 'cancelled' where id = 2",
    "orders_equal_last_change",
    "decisions_are_kept",
    TOTAL,
  ],
  "an order that is payed after it failed": [
    "update loms_changes set status = 'payed' where order_id = 4 and sequence = 2",
    "orders_equal_last_change",
    "changes_follow_each_other",
    "changes_have_causes",
  ],
  "a cancellation that nobody asked for": [
    "update loms_commands set type = 'tick' where id = 'cancel'",
    "changes_have_causes",
  ],
  "a payment that was declined": [
    "update loms_commands set reason = 'wrong_status' where id = 'pay'",
    "changes_have_causes",
  ],
  "a decline that payed": ["update loms_commands set reason = null where id = 'late'", "decisions_are_kept"],
  "a creation that failed without a reason": [
    "update loms_commands set reason = null where id = 'o4'",
    "commands_have_orders",
  ],
  "the moment of a creation": [
    "update loms_orders set created_at = created_at - interval '1 hour' where id = 1",
    "commands_have_orders",
    "overdue_orders_are_cancelled",
  ],
};

const STOCKS = [stock(1002, 200, 20, { id: "s1" }), stock(1003, 250, 30, { id: "s2" })];

const checks = suite("checks of loms");

let database: TestDatabase;
checks.before(async () => {
  database = await databaseWithOrders();
});
checks.after(() => database[Symbol.asyncDispose]());

checks("nothing is broken before", async () => {
  assert.equal(await brokenAfter("select", 0), []);
  assert.equal(await brokenAfter("select", STOCKS.length), []);
});

for (const [what, [sql, ...names]] of Object.entries(TAMPERED)) {
  checks(`${what}: the proof of all positions, and that of the new ones, say so`, async () => {
    assert.equal(await brokenAfter(sql, 0), names.map(nameOf).sort());
    const incremental = names.filter((name) => !name.startsWith(FULL));
    assert.equal(await brokenAfter(sql, STOCKS.length), incremental.sort());
  });
}

checks("the audit runs the checks: what was changed after it was proved is found by a full one", async () => {
  await using own = await databaseWithOrders();
  assert.ok((await audit(own, [loms])).holds);
  await own.admin("update loms_items set count = count + 1 where order_id = 3");
  assert.ok((await audit(own, [loms])).holds);
  const { holds, domains } = await audit(own, [loms], { isFull: true });
  assert.not.ok(holds);
  const broken = [...(domains.loms?.checks ?? [])].filter(([, result]) => result.broken > 0n);
  assert.equal(
    broken.map(([name]) => name),
    ["items_are_those_of_the_command"],
  );
});

checks("every check is broken by something here", () => {
  const broken = new Set(Object.values(TAMPERED).flatMap(([, ...names]) => names.map(nameOf)));
  assert.equal([...broken].sort(), LOMS_CHECKS.map(({ name }) => name).sort());
});

checks.run();

async function databaseWithOrders(): Promise<TestDatabase> {
  const database = await createDatabase();
  const commands = [
    ...STOCKS,
    order({ 1002: 5, 1003: 1 }, { id: "o1" }),
    order({ 1002: 7 }, { id: "o2" }),
    order({ 1003: 9 }, { id: "o3" }),
    order({ 1002: 5, 1003: 900 }, { id: "o4" }),
    pay(2, { id: "pay" }),
    cancel(3, { id: "cancel" }),
    cancel(2, { id: "late" }),
    order({ 1003: 1 }, { id: "o5" }),
  ];
  await appendAll(database, commands.map(commandMessage), loms);
  await projectAll(database, loms);
  return database;
}

/** The names of the checks that find something after the statement, whose effect is then undone. */
async function brokenAfter(sql: string, proved: number): Promise<string[]> {
  return withClient(database.adminUrl, async (client) => {
    await client.query("begin");
    await client.query(sql);
    const broken: string[] = [];
    for (const check of LOMS_CHECKS) {
      const { rows } = await client.query(check.sql, [proved]);
      if (rows.length > 0) broken.push(check.name);
    }
    await client.query("rollback");
    return broken.sort();
  });
}
