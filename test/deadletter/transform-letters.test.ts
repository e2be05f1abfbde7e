/** Transformations of many letters: preview, dry run, and the real run beside other operators. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { InvalidInputError } from "../../src/contract/errors.ts";
import { readFilter } from "../../src/deadletter/find/filter.ts";
import type { Step } from "../../src/deadletter/transform/steps.ts";
import { createDatabase } from "../support/database.ts";
import { ANN, openDesk } from "../support/desk.ts";
import { tablesOf } from "../support/engine.ts";
import { errorOf } from "../support/error.ts";
import { MODEL, orderWith } from "../support/messages.ts";

const letters = suite("transform letters");
const database = await createDatabase();
const context = await openDesk(database);
const { desk, receive, step } = context;

const withAmount = (uid: string, amount: unknown, change: object = {}) =>
  orderWith({ order_uid: uid, ...change, payment: { ...MODEL.payment, amount } });
const AMOUNT: Step[] = [{ op: "cast", path: "/payment/amount", to: "number" }];
const open = readFilter({ path: "/payment/amount" });

async function runToEnd(id: string): Promise<number[]> {
  const sizes: number[] = [];
  for (let before = 0; ; ) {
    const taken = await step(BigInt(id));
    const { redriven, skipped, left_open = 0 } = await desk.bulk(BigInt(id));
    const done = redriven + skipped + left_open;
    if (done > before) sizes.push(done - before);
    before = done;
    if (taken.kind === "ended") return sizes;
  }
}

/** Discards what a test leaves, so that the next one starts without open letters. */
async function discardRest(): Promise<void> {
  const { deadletters } = await desk.list(readFilter({ state: "open" }), 500, undefined);
  for (const { position } of deadletters) await desk.discard(BigInt(position), ANN);
}

letters("previewed on samples of all kinds, tried, then run: nothing but the amounts changes", async () => {
  await receive(orderWith({ order_uid: "known" }), withAmount("7", 7));
  const amounts = Array.from({ length: 40 }, (_none, index) => withAmount(`order ${index}`, "12"));
  const positions = await receive(
    ...amounts,
    withAmount("dear", "12,50"),
    withAmount("twice", "1", { sm_id: "x" }),
    withAmount("known", "1817"),
    withAmount("7", "8"),
    '{"payment":{"amount":"12"',
  );
  const filter = readFilter({ until: "2999-01-01" });
  const suggested = await desk.transforms.preview(open, [], 5);
  assert.equal(suggested.suggested_steps, AMOUNT);

  const { samples, letters: total } = await desk.transforms.preview(filter, AMOUNT, 5);
  assert.equal(total, { letters: 45, is_exact: true });
  const results = samples.map(({ result, outcome = "", code = "" }) => `${result} ${outcome} ${code}`.trim());
  assert.equal(
    new Set(results),
    new Set(["not_applied", "changed dead conflict", "changed dead schema", "changed duplicate"]),
  );
  const changed = samples.find(({ outcome }) => outcome === "duplicate");
  const lines = (changed?.diff ?? []).filter(({ kind }) => kind === "added" || kind === "removed");
  assert.equal(
    lines.map(({ kind, text }) => `${kind} ${text.trim()}`),
    ['removed "amount": "1817",', 'added "amount": 1817,'],
  );
  assert.not.match(JSON.stringify(samples), MODEL.delivery.phone);

  const before = await tablesOf(database);
  const trial = await desk.transforms.dryRun(filter, AMOUNT, 10_000);
  assert.equal(
    [trial.letters, trial.projected, trial.duplicate, trial.conflict, trial.dead, trial.unchanged],
    [45, 40, 1, 1, 1, 0],
  );
  assert.equal(
    trial.not_applied.map(({ count, sample, step: index, problem }) => [
      count,
      sample,
      index,
      problem.rule,
      problem.excerpt,
    ]),
    [
      [1, String(positions[40]), 0, "cast", '"12,50"'],
      [1, String(positions[44]), 0, "json", undefined],
    ],
  );
  assert.equal(trial.conflict_sample, { position: String(positions[43]), original_position: "2" });
  assert.equal(
    trial.failures.map(({ count, sample, errors }) => [count, sample, errors[0]?.path]),
    [[1, String(positions[41]), "/sm_id"]],
  );
  assert.equal(await tablesOf(database), before);

  const begun = await desk.redriveMany(filter, 10_000, 2, ANN, AMOUNT);
  assert.equal(begun.steps, AMOUNT);
  assert.equal(await runToEnd(begun.id), [1, 10, 34]);
  const done = await desk.bulk(BigInt(begun.id));
  assert.equal(
    [done.status, done.redriven, done.left_open, done.projected, done.duplicate, done.dead],
    ["finished", 43, 2, 40, 1, 2],
  );
  const { rows } = await database.query(
    `select count(*)::int as letters, bool_and(convert_from(redrive.payload, 'UTF8')
              = replace(convert_from(letter.payload, 'UTF8'), '"amount":"12"', '"amount":12')) as same
     from inbox as redrive join inbox as letter on letter.position = redrive.redrive_of
     join orders on orders.position = redrive.position`,
  );
  assert.equal(rows, [{ letters: 40, same: true }]);
  const one = await desk.biography(positions[0] as bigint);
  const [action] = one.actions;
  assert.equal(
    [action?.action, action?.is_edited, action?.bulk_redrive, action?.author],
    ["redrive", true, begun.id, "Ann"],
  );
  const revision = await desk.biography(BigInt(one.redriven_as?.position ?? 0));
  assert.match(JSON.stringify(revision.diff), /added.*\\"amount\\": 12,/);
  await discardRest();
});

letters(
  "with two operators on one letter, and two runs on overlapping sets, each letter is redriven once",
  async () => {
    const positions = await receive(
      ...Array.from({ length: 60 }, (_none, index) => withAmount(`both ${index}`, "12")),
    );
    const one = await desk.redriveMany(open, 10_000, 0, ANN, AMOUNT);
    await step(BigInt(one.id));
    const listed = positions.slice(20).join(",");
    const other = await desk.redriveMany(readFilter({ positions: listed }), 10_000, 0, ANN, [
      { op: "set", path: "/payment/amount", value: 13 },
    ]);
    await desk.redrive(positions[30] as bigint, withAmount("both 30", 14), ANN);
    await Promise.all([runToEnd(one.id), runToEnd(other.id)]);
    const [first, second] = [await desk.bulk(BigInt(one.id)), await desk.bulk(BigInt(other.id))];
    assert.equal([first.status, second.status, first.dead, second.dead], ["finished", "finished", 0, 0]);
    assert.is(first.redriven + second.redriven, 59);
    assert.is(first.redriven + first.skipped, 60);
    assert.is(second.redriven + second.skipped, 40);
    const { rows } = await database.query(
      "select count(*)::int as copies, count(distinct redrive_of)::int as letters from inbox where redrive_of = any($1)",
      [positions.map(String)],
    );
    assert.equal(rows, [{ copies: 60, letters: 60 }]);
  },
);

letters("letters that the steps do not change stay open; a run that loops stops and says why", async () => {
  await receive(...Array.from({ length: 12 }, (_none, index) => withAmount(`open ${index}`, "12")));
  const unchanged = await desk.transforms.dryRun(open, [{ op: "remove", path: "/none" }], 10_000);
  assert.equal([unchanged.letters, unchanged.unchanged, unchanged.projected], [12, 12, 0]);
  const idle = await desk.redriveMany(open, 10_000, 0, ANN, [{ op: "remove", path: "/none" }]);
  await runToEnd(idle.id);
  const left = await desk.bulk(BigInt(idle.id));
  assert.equal([left.status, left.redriven, left.left_open], ["finished", 0, 12]);
  assert.equal((await desk.list({ ...open, state: "open" }, 1, undefined)).total, {
    letters: 12,
    is_exact: true,
  });

  // The desk of the test ends an expression after this many levels.
  const loop: Step[] = [{ op: "jsonata", expression: "($f := function($x){ 1 + $f($x) }; $f(1))" }];
  assert.match(
    (await errorOf(desk.transforms.dryRun(open, loop, 10_000))).message,
    "limit of time or memory",
  );
  const looping = await desk.redriveMany(open, 10_000, 0, ANN, loop);
  await runToEnd(looping.id);
  const stopped = await desk.bulk(BigInt(looping.id));
  assert.equal([stopped.status, stopped.redriven, stopped.left_open], ["stopped", 0, 4]);
  assert.match(stopped.problem ?? "", "limit of time or memory");

  const broken = await errorOf(desk.redriveMany(open, 10, 0, ANN, [{ op: "jsonata", expression: "{" }]));
  assert.instance(broken, InvalidInputError);
  await discardRest();
});

letters("a dry run stops when its caller is gone, also before the projection tries the letters", async () => {
  await receive(...Array.from({ length: 12 }, (_none, index) => withAmount(`gone ${index}`, "12")));
  for (const end of [5, 12]) {
    const gone = new AbortController();
    const leave = (done: number) => done === end && gone.abort(new Error(`gone at ${end}`));
    const tried = desk.transforms.dryRun(open, AMOUNT, 10_000, gone.signal, leave);
    assert.is((await errorOf(tried)).message, `gone at ${end}`);
  }
  await discardRest();
});

letters("one new id for all letters is said to be a conflict before the run, and stops it", async () => {
  await receive(...Array.from({ length: 20 }, (_none, index) => withAmount(`same ${index}`, "12")));
  const steps: Step[] = [
    ...AMOUNT,
    { op: "set", path: "/order_uid", value: "the same" },
    { op: "jsonata", expression: "$merge([$, {'sm_id': $length(payment.transaction)}])" },
    { op: "set", path: "/payment/amount", value: 1 },
  ];
  const different: Step[] = [
    {
      op: "jsonata",
      expression:
        "$merge([$, {'order_uid': 'the same', 'payment': $merge([payment, {'amount': $number($substring(order_uid, 5))}])}])",
    },
  ];
  const trial = await desk.transforms.dryRun(open, different, 10_000);
  assert.equal([trial.projected, trial.conflict], [1, 19]);
  assert.ok(trial.conflict_sample && !("original_position" in trial.conflict_sample));
  const same = await desk.transforms.dryRun(open, steps, 10_000);
  assert.equal([same.projected, same.duplicate], [1, 19]);
  const { id } = await desk.redriveMany(open, 10_000, 0, ANN, different);
  assert.equal(await runToEnd(id), [1, 10]);
  assert.is((await desk.bulk(BigInt(id))).status, "stopped");
});

letters.after(async () => {
  await context[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
letters.run();
