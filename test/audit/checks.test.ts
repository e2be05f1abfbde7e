/** A domain's own checks, which run in the audit. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type AuditOptions, audit, toJson } from "../../src/audit/audit.ts";
import { CheckFailedError } from "../../src/audit/checks-table.ts";
import type { AnyDomain, AuditCheck } from "../../src/contract/domain.ts";
import { createMetrics } from "../../src/watch/metrics.ts";
import { auditRecorder } from "../../src/watch/record.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { appendAll, projectAll } from "../support/engine.ts";
import { errorOf } from "../support/error.ts";
import { ledger } from "../support/ledger/index.ts";
import { ledgerMessages, validEntries } from "../support/ledger/messages.ts";
import { startInProcess } from "../support/service.ts";

const checks = suite("checks");

async function ledgerWith(count: number): Promise<TestDatabase> {
  const database = await createDatabase(undefined, [ledger]);
  await appendAll(database, ledgerMessages(count, 3), ledger);
  await projectAll(database, ledger);
  return database;
}

/** The ledger with other checks. */
function withChecks(...all: AuditCheck[]): AnyDomain {
  return { ...ledger, checks: all };
}

/** Finds large entries above the last proved position. */
const LARGE: AuditCheck = {
  name: "no_large_entry",
  sql: `select position, 'the amount is ' || amount as detail from ledger_entries
        where position > $1 and amount >= 1000 -- the last line may be a comment`,
};

async function auditLedger(database: TestDatabase, domain = ledger, options: AuditOptions = {}) {
  const report = await audit(database, [domain], options);
  const found = report.domains.ledger as NonNullable<(typeof report.domains)[string]>;
  return { report, found };
}

checks("a balance that was changed by hand breaks the check, though conservation holds", async () => {
  await using database = await ledgerWith(200);
  const { report, found } = await auditLedger(database);
  assert.ok(report.holds);
  assert.equal(found.checks.get("balance_is_sum_of_entries"), { broken: 0n, samples: [] });
  await database.admin("update ledger_accounts set balance = balance + 1 where account in ('a', 'b')");
  for (const isFull of [false, true]) {
    const broken = await auditLedger(database, ledger, { isFull });
    assert.not(broken.report.holds);
    assert.is(broken.found.broken, 0n);
    const result = broken.found.checks.get("balance_is_sum_of_entries");
    assert.is(result?.broken, 2n);
    assert.match(result?.samples[0]?.detail ?? "", "is not the sum of its entries");
    const json = toJson(broken.report).domains.ledger as { checks: Record<string, unknown> };
    const samples = result?.samples.map(({ position, detail }) => ({ position: Number(position), detail }));
    assert.equal(json.checks, { balance_is_sum_of_entries: { broken: 2, samples } });
  }
  await database.admin("update ledger_accounts set balance = balance - 1 where account in ('a', 'b')");
  assert.ok((await auditLedger(database)).report.holds);
});

checks("an incremental audit passes the last proved position, a full one 0", async () => {
  await using database = await ledgerWith(50);
  const domain = withChecks(LARGE);
  assert.ok((await auditLedger(database, domain)).report.holds);
  const { rows } = await database.admin(
    "update ledger_entries set amount = 5000 where position = (select max(position) from ledger_entries) returning position",
  );
  const below = BigInt(rows[0].position);
  assert.ok((await auditLedger(database, domain)).report.holds, "it was proved, and is not read again …");
  const { found } = await auditLedger(database, domain, { isFull: true });
  assert.equal(found.checks.get("no_large_entry"), {
    broken: 1n,
    samples: [{ position: below, detail: "the amount is 5000" }],
  });
  // After a violation every audit reads everything until it is repaired.
  await appendAll(database, validEntries(1), ledger);
  await projectAll(database, ledger);
  assert.not((await auditLedger(database, domain)).report.holds);
  await database.admin("update ledger_entries set amount = 1 where amount = 5000");
  assert.ok((await auditLedger(database, domain)).report.holds);
  assert.ok((await auditLedger(database, domain)).found.provedBefore > 0n);
});

checks("many violations are counted, and the first of them shown", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  await appendAll(database, validEntries(60), ledger);
  await projectAll(database, ledger);
  await database.admin("update ledger_entries set amount = 1000");
  const { found } = await auditLedger(database, withChecks(LARGE));
  const { broken, samples = [] } = found.checks.get("no_large_entry") ?? {};
  assert.is(broken, 60n);
  assert.is(samples.length, 20);
  const positions = samples.map(({ position }) => position);
  assert.equal(
    positions,
    positions.toSorted((one, other) => Number(one - other)),
  );
});

checks(
  "a check that cannot be run, or that writes, is an error with its name and proves nothing",
  async () => {
    await using database = await ledgerWith(20);
    const bad: readonly (readonly [sql: string, message: string])[] = [
      ["select position, 'x' as detail from ledger_balances", "ledger_balances"],
      ["select position from ledger_entries", "detail"],
      ["select position, 'x' as detail from ledger_entries limit 1; select 1", "syntax error"],
      ["select position, 1 / 0 || '' as detail from ledger_entries", "division by zero"],
      [
        "insert into ledger_accounts values ('x', 1) returning 1::bigint as position, 'x' as detail",
        "read-only",
      ],
      ["select nextval('inbox_position_seq') as position, 'x' as detail", "permission denied|read-only"],
    ];
    for (const [sql, message] of bad) {
      const domain = withChecks({ name: "bad_check", sql });
      const error = await errorOf(audit(database, [domain]));
      assert.instance(error, CheckFailedError, sql);
      assert.match(error.message, "the check bad_check of the domain ledger failed to run");
      assert.match(error.message, new RegExp(message), sql);
    }
    const { rows } = await database.query("select count(*)::int as proofs from proofs");
    assert.is(rows[0].proofs, 0);
    assert.ok((await auditLedger(database)).report.holds, "the audit itself can still write its proof");
  },
);

checks("GET /audit answers with the checks, and names one that cannot be run", async () => {
  await using database = await ledgerWith(30);
  const domain = withChecks(...ledger.checks, {
    name: "no_such_table",
    sql: "select * from ledger_balances",
  });
  for (const [module, status] of [
    [ledger, 200],
    [domain, 500],
  ] as const) {
    await using service = await startInProcess(database, { DOMAINS: "ledger" }, [module]);
    const response = await fetch(`${service.url}/audit`);
    assert.is(response.status, status);
    const body = (await response.json()) as { detail?: string; domains?: Record<string, { checks: object }> };
    if (status === 200) {
      assert.equal(body.domains?.ledger?.checks, { balance_is_sum_of_entries: { broken: 0, samples: [] } });
    } else {
      assert.match(body.detail ?? "", "the check no_such_table of the domain ledger failed to run");
      assert.not.match(body.detail ?? "", "ledger_balances");
    }
  }
});

checks("the metric names domain and check", async () => {
  await using database = await ledgerWith(50);
  await database.admin("update ledger_accounts set balance = balance + 1 where account = 'a'");
  const metrics = createMetrics();
  const record = auditRecorder(metrics);
  const violations = async () => (await metrics.auditCheckViolations.get()).values;
  record((await auditLedger(database)).report);
  const labels = { domain: "ledger", check: "balance_is_sum_of_entries" };
  const conservation = { labels: { domain: "ledger", check: "conservation" }, value: 0 };
  assert.equal(await violations(), [conservation, { labels, value: 1 }]);
  await database.admin("update ledger_accounts set balance = balance - 1 where account = 'a'");
  record((await auditLedger(database)).report);
  assert.equal(await violations(), [conservation, { labels, value: 0 }]);
});

checks.run();
