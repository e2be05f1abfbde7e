/** One bound for all inboxes, in which none can starve another. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../src/config/config.ts";
import type { ConfigError } from "../../src/config/read.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { ByteBudget } from "../../src/inbox/byte-budget.ts";
import { ledger } from "../support/ledger/index.ts";
import { randomOf } from "../support/random.ts";

const budgets = suite("byte budget");
const SEED = Number(process.env.WAYBILL_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

budgets(
  "the configuration takes the largest payload that finds room in an empty inbox, and no larger",
  () => {
    const problemsOf = (running: string, payloadBytesMax: number): readonly string[] => {
      try {
        loadConfig([...DOMAINS, ledger], {
          DATABASE_URL: "postgres://waybill@127.0.0.1/waybill",
          DOMAINS: running,
          INBOX_BUFFER_BYTES_MAX: "1000000",
          PAYLOAD_BYTES_MAX: String(payloadBytesMax),
        });
      } catch (error) {
        return (error as ConfigError).problems;
      }
      return [];
    };
    for (const domains of ["orders", "orders,ledger"]) {
      const budget = new ByteBudget(1_000_000);
      const [share] = domains.split(",").map(() => budget.share());
      const largest = domains === "orders" ? 999_400 : 749_400;
      assert.equal([share?.hasRoom(largest + 600), share?.hasRoom(largest + 601)], [true, false]);
      assert.equal(problemsOf(domains, largest), []);
      assert.match(problemsOf(domains, largest + 1).join(), `PAYLOAD_BYTES_MAX must not exceed ${largest}`);
    }
  },
);

budgets("a single inbox has all of it", () => {
  const budget = new ByteBudget(1_000);
  const share = budget.share();
  assert.ok(share.hasRoom(1_000));
  share.take(600);
  assert.ok(share.hasRoom(400));
  assert.not.ok(share.hasRoom(401));
  share.give(600);
  assert.is(budget.heldBytes, 0);
});

budgets("an inbox under load leaves the others their part", () => {
  const budget = new ByteBudget(1_200);
  const [greedy, quiet, third] = [budget.share(), budget.share(), budget.share()];
  while (greedy.hasRoom(10)) greedy.take(10);
  assert.is(greedy.heldBytes, 800, "its own share, and the half that is first come, first served");
  assert.ok(quiet.hasRoom(200));
  assert.not.ok(quiet.hasRoom(201));
  quiet.take(200);
  assert.ok(third.hasRoom(200));
});

budgets(`what all of them hold never exceeds the bound (seed ${SEED})`, () => {
  const random = randomOf(SEED);
  const budget = new ByteBudget(10_000);
  const shares = Array.from({ length: 4 }, () => budget.share());
  for (let step = 0; step < 20_000; step++) {
    const share = shares[Math.floor(random() * shares.length)];
    const bytes = Math.floor(random() * 3_000);
    if (!share) continue;
    if (random() < 0.5) share.give(Math.min(bytes, share.heldBytes));
    else if (share.hasRoom(bytes)) share.take(bytes);
    assert.ok(budget.heldBytes <= budget.bytesMax, `${budget.heldBytes} bytes at step ${step}`);
  }
});

budgets.run();
