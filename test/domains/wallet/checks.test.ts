/** Each change of a row by hand breaks a check that the audit names. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit, type DomainAudit } from "../../../src/audit/audit.ts";
import { WALLET_CHECKS } from "../../../src/domains/wallet/checks-table.ts";
import { wallet } from "../../../src/domains/wallet/index.ts";
import { withClient } from "../../../tools/stack/postgres.ts";
import { createDatabase, type TestDatabase } from "../../support/database.ts";
import { appendAll, projectAll } from "../../support/engine.ts";
import { CURRENCY_PUTS, commandMessage } from "../../support/wallet/messages.ts";
import { capture, hold, put, reverse, send, take } from "../../support/wallet/wallet.ts";

const TAMPERED: Readonly<Record<string, readonly [sql: string, ...checks: string[]]>> = {
  "a balance": [
    "update wallet_accounts set balance = balance + 1 where owner = 'ann' and kind = 'available'",
    "accounts_sum_to_zero",
    "accounts_equal_last_posting",
  ],
  "the amount of a posting": [
    "update wallet_postings set amount = amount + 1 where owner = 'ann' and sequence = 2 and kind = 'available'",
    "postings_sum_to_zero",
    "balances_follow_postings",
  ],
  "a balance in the middle": [
    "update wallet_postings set balance_after = balance_after + 1 where owner = 'ann' and sequence = 2 and kind = 'available'",
    "balances_follow_postings",
  ],
  "a posting is gone": [
    "delete from wallet_postings where owner = 'ann' and sequence = 2 and kind = 'available'",
    "postings_sum_to_zero",
    "balances_follow_postings",
    "postings_without_gap",
  ],
  "both postings of a position are gone": [
    "delete from wallet_postings where position = (select position from wallet_transactions where id = 'last')",
    "accounts_equal_last_posting",
    "succeeded_has_postings",
  ],
  "an account is gone": [
    "delete from wallet_accounts where owner = 'ben' and kind = 'available'",
    "accounts_sum_to_zero",
    "postings_have_accounts",
  ],
  "a decline that paid": [
    "update wallet_transactions set reason = null where reason = 'insufficient_funds'",
    "succeeded_has_postings",
  ],
  "a success called a decline": [
    "update wallet_transactions set reason = 'insufficient_funds' where id = 'last'",
    "succeeded_has_postings",
  ],
  "what is left of a hold": [
    "update wallet_holds set remaining = remaining - 1 where id = 'h'",
    "held_is_sum_of_open_holds",
  ],
  "the owner of a hold": [
    "update wallet_holds set owner = 'zoe' where id = 'h'",
    "held_is_sum_of_open_holds",
    "holds_have_accounts",
  ],
  "a balance below 0": [
    `update wallet_postings set balance_after = -1
     where owner = 'ann' and kind = 'available' and sequence = (select max(sequence) from wallet_postings where owner = 'ann' and kind = 'available')`,
    "no_negative_balance",
    "balances_follow_postings",
    "accounts_equal_last_posting",
  ],
  "more reversed than there was": [
    "update wallet_transactions set reversed_total = 100000 where id = 'r'",
    "reversals_within_original",
  ],
};

const checks = suite("checks of the wallet");

let database: TestDatabase;
checks.before(async () => {
  database = await databaseWithMoney();
});
checks.after(() => database[Symbol.asyncDispose]());

checks("nothing is broken before", async () => {
  assert.equal(await brokenAfter("select", 0), []);
});

for (const [what, [sql, ...names]] of Object.entries(TAMPERED)) {
  checks(`${what}: the proof of all positions, and that of the new ones, say so`, async () => {
    assert.equal(await brokenAfter(sql, 0), [...names].sort());
    assert.equal(await brokenAfter(sql, CURRENCY_PUTS.length), [...names].sort());
  });
}

checks("the audit runs the checks: what was changed after it was proved is found by a full one", async () => {
  await using own = await databaseWithMoney();
  assert.ok((await audit(own, [wallet])).holds);
  await own.admin("update wallet_postings set amount = amount + 1 where owner = 'ben'");
  assert.ok((await audit(own, [wallet])).holds);
  const { holds, domains } = await audit(own, [wallet], { isFull: true });
  assert.not.ok(holds);
  const broken = [...(domains.wallet as DomainAudit).checks].filter(([, result]) => result.broken > 0n);
  assert.equal(broken.map(([name]) => name).sort(), ["balances_follow_postings", "postings_sum_to_zero"]);
});

checks("every check is broken by something here", () => {
  const broken = new Set(Object.values(TAMPERED).flatMap(([, ...names]) => names));
  assert.equal([...broken].sort(), WALLET_CHECKS.map(({ name }) => name).sort());
});

checks.run();

async function databaseWithMoney(): Promise<TestDatabase> {
  const database = await createDatabase();
  const commands = [
    put("ann", "100.00", "USD", { id: "d" }),
    take("ann", "10.00"),
    hold("ann", "h", "20.00", 3600),
    capture("ann", "h", "5.00"),
    take("ann", "1000.00"),
    reverse("ann", "d", "1.00", { id: "r" }),
    send("ann", "ben", "7.00", { id: "last" }),
  ].map((command, index) => ({ id: `c${index}`, ...command }));
  await appendAll(database, [...CURRENCY_PUTS, ...commands].map(commandMessage), wallet);
  await projectAll(database, wallet);
  return database;
}

/** After the statement, which is rolled back. */
async function brokenAfter(sql: string, proved: number): Promise<string[]> {
  return withClient(database.adminUrl, async (client) => {
    await client.query("begin");
    await client.query(sql);
    const broken: string[] = [];
    for (const check of WALLET_CHECKS) {
      const { rows } = await client.query(check.sql, [proved]);
      if (rows.length > 0) broken.push(check.name);
    }
    await client.query("rollback");
    return broken.sort();
  });
}
