/** One bound for all inboxes, in which none can shut out another. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ByteBudget } from "../../src/inbox/byte-budget.ts";
import { randomOf } from "../support/random.ts";

const budgets = suite("byte budget");
const SEED = Number(process.env.WAYBILL_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

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
  assert.is(greedy.heldBytes, 800, "its own part, and the half that belongs to whoever asks first");
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
