/** Redrive, edit, discard and restore of one dead letter, and its history. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NotFoundError, RejectedError, WrongStateError } from "../../src/contract/errors.ts";
import { headersToJson } from "../../src/contract/headers.ts";
import { createDatabase } from "../support/database.ts";
import { ANN, openDesk } from "../support/desk.ts";
import { appendAll, tablesOf } from "../support/engine.ts";
import { errorOf } from "../support/error.ts";
import { MODEL, messageOf, orderWith } from "../support/messages.ts";

const letters = suite("dead letters");
const database = await createDatabase();
const { desk, receive, project, ...rest } = await openDesk(database);
const rows = async (text: string, values: unknown[] = []) => (await database.admin(text, values)).rows;

letters("a redrive is a message of its own that refers to the original, which does not change", async () => {
  const [position = 0n] = await receive("garbage");
  const before = await rows("select * from inbox where position = $1", [position]);
  const { redrive_position } = await desk.redrive(position, undefined, ANN);
  await project();
  assert.equal(await rows("select * from inbox where position = $1", [position]), before);
  const [copy] = await rows("select * from inbox where position = $1", [redrive_position]);
  assert.is(copy.source, "redrive");
  assert.is(copy.message_id, String(position));
  assert.is(copy.redrive_of, String(position));
  assert.is(copy.channel, before[0].channel);
  assert.equal(copy.payload, Buffer.from("garbage"));
});

letters("the biography holds all of it, with links both ways", async () => {
  const [position = 0n] = await receive(orderWith({ order_uid: "edited", sm_id: "99" }));
  await desk.discard(position, { author: "Bob", reason: "nobody needs it" });
  await desk.restore(position, { author: "Ann", reason: "somebody does" });
  await desk.reveal(position, { author: "Cem" });
  const edited = orderWith({ order_uid: "edited", sm_id: 99 });
  const { redrive_position } = await desk.redrive(position, edited, { author: "Ann", reason: "a number" });
  const pending = await desk.biography(position);
  assert.equal(pending.redriven_as, { position: redrive_position, outcome: "pending" });
  assert.is(pending.view, null);
  await project();

  const biography = await desk.biography(position);
  assert.is(biography.outcome, "dead");
  assert.is(biography.state, "redriven");
  assert.equal(biography.redriven_as, { position: redrive_position, outcome: "projected" });
  assert.is(biography.links.redriven_as, `/messages/${redrive_position}`);
  assert.is(biography.view, `/orders/${redrive_position}`);
  assert.is((await desk.show(position)).view, biography.view);
  assert.equal(
    biography.actions.map(({ action, author, reason }) => [action, author, reason]),
    [
      ["discard", "Bob", "nobody needs it"],
      ["restore", "Ann", "somebody does"],
      ["reveal", "Cem", null],
      ["redrive", "Ann", "a number"],
    ],
  );
  assert.is(biography.actions[3]?.is_edited, true);

  const after = await desk.biography(BigInt(redrive_position));
  assert.is(after.redrive_of, String(position));
  assert.is(after.links.redrive_of, `/messages/${position}`);
  assert.equal([after.outcome, after.view], ["projected", biography.view]);
  const [repeated = 0n] = await receive(edited);
  assert.is((await desk.biography(repeated)).view, biography.view);
  const changed = after.diff?.filter(({ kind }) => kind !== "same" && kind !== "skipped");
  assert.equal(changed, [
    { kind: "removed", text: '  "sm_id": "99",' },
    { kind: "added", text: '  "sm_id": 99,' },
  ]);
});

letters("an edited payload that would be dead again is refused, and nothing is appended", async () => {
  const [position = 0n] = await receive("still garbage");
  const before = await tablesOf(database);
  const [count] = await rows("select count(*) from inbox");
  const error = await errorOf(desk.redrive(position, orderWith({ sm_id: "1" }), ANN));
  assert.instance(error, RejectedError);
  assert.is((error as RejectedError).problems.length, 1);
  const anonymous = await errorOf(desk.redrive(position, orderWith({ order_uid: "x" }), { author: "Ann" }));
  assert.match(anonymous.message, "reason is required");
  assert.equal(await tablesOf(database), before);
  assert.equal(await rows("select count(*) from inbox"), [count]);
});

letters("what is tried changes nothing, whatever would become of it", async () => {
  const [first] = await receive(orderWith({ order_uid: "first" }));
  const [position = 0n] = await receive("tried");
  const before = await tablesOf(database);
  const outcomeOf = async (payload: Buffer | undefined) => desk.tryRedrive(position, payload);
  assert.is((await outcomeOf(undefined)).outcome, "dead");
  assert.is((await outcomeOf(orderWith({ order_uid: "new" }))).outcome, "projected");
  const duplicate = await outcomeOf(orderWith({ order_uid: "first" }));
  assert.equal([duplicate.outcome, duplicate.original_position], ["duplicate", String(first)]);
  const conflict = await outcomeOf(orderWith({ order_uid: "first", sm_id: 5 }));
  assert.equal([conflict.code, conflict.original_position], ["conflict", String(first)]);
  assert.equal(conflict.errors[0]?.positions, { expected: String(first) });
  const schema = await outcomeOf(orderWith({ order_uid: "new", locale: 5 }));
  const { start = 0, end = 0 } = (schema.errors[0] as { range?: { start: number; end: number } }).range ?? {};
  assert.is(orderWith({ order_uid: "new", locale: 5 }).toString().slice(start, end), "5");
  assert.equal(await tablesOf(database), before);
});

letters("two operators at once: one redrives, the other is told who was quicker", async () => {
  for (let round = 0; round < 10; round++) {
    const [position = 0n] = await receive(`race ${round}`);
    const results = await Promise.allSettled([
      desk.redrive(position, undefined, { author: "Ann" }),
      desk.redrive(position, undefined, { author: "Bob" }),
      desk.discard(position, { author: "Cem", reason: "away with it" }),
    ]);
    assert.is(results.filter(({ status }) => status === "fulfilled").length, 1);
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      assert.instance(result.reason, WrongStateError);
      assert.match(result.reason.message, /is (redriven|discarded), by (Ann|Bob|Cem) on 20/);
    }
    const [{ count }] = await rows("select count(*) from inbox where redrive_of = $1", [position]);
    assert.ok(Number(count) <= 1);
  }
});

letters("once redriven, a letter cannot be redriven again, nor discarded, nor restored", async () => {
  const [position = 0n] = await receive("only once");
  assert.instance(await errorOf(desk.restore(position, ANN)), WrongStateError);
  await desk.redrive(position, undefined, { author: "Ann" });
  for (const work of [
    () => desk.redrive(position, undefined, ANN),
    () => desk.discard(position, ANN),
    () => desk.restore(position, ANN),
  ]) {
    const error = await errorOf(work());
    assert.instance(error, WrongStateError);
    assert.match(error.message, "by Ann on");
  }
  const nothing = await errorOf(desk.redrive(10n ** 12n, undefined, ANN));
  assert.instance(nothing, NotFoundError);
  const [order = 0n] = await receive(orderWith({ order_uid: "no letter" }));
  assert.instance(await errorOf(desk.discard(order, ANN)), NotFoundError);
  assert.instance(await errorOf(desk.show(order)), NotFoundError);
});

letters("the database lets nobody change or remove what operators did", async () => {
  for (const text of [
    "update operator_actions set reason = 'another'",
    "delete from operator_actions",
    "truncate operator_actions",
    "delete from bulk_redrive_letters",
  ]) {
    assert.match((await errorOf(database.admin(text))).message, "append-only");
    assert.match((await errorOf(database.query(text))).message, /permission denied/);
  }
  for (const text of ["update dead_letters set code = 'empty'", "delete from dead_letters"])
    assert.match((await errorOf(database.query(text))).message, /permission denied/);
});

letters("values about a person are masked until somebody asks, and the asking is recorded", async () => {
  const delivery = { ...MODEL.delivery, name: 77, email: "secret@example.com", address: "Secret Street 1" };
  const [position = 0n] = await receive(orderWith({ delivery, sm_id: "1" }));
  const masked = JSON.stringify([
    await desk.show(position),
    await desk.biography(position),
    await desk.list({}, 500, undefined),
    await desk.overview({}, 500),
    await desk.tryRedrive(position, undefined),
    await desk.tryRedrive(position, Buffer.from("{}")),
  ]);
  for (const secret of ["secret@example.com", "Secret Street", "+9720000000", "Kiryat"]) {
    assert.not.match(masked, secret);
  }
  assert.not.match(masked, '"excerpt":"77"');
  const revealed = JSON.stringify(await desk.reveal(position, ANN));
  assert.match(revealed, "secret@example.com");
  assert.match(revealed, '"excerpt":"77"');
  const trial = await desk.tryRedrive(position, Buffer.from("{}"));
  assert.match(JSON.stringify(trial.diff), "secret@example.com");
  assert.is((await desk.payload(position, {})).toString(), orderWith({ delivery, sm_id: "1" }).toString());
  const { actions } = await desk.biography(position);
  assert.equal(
    actions.map(({ action, author }) => [action, author]),
    [
      ["reveal", "Ann"],
      ["reveal", null],
    ],
  );
});

letters("a group that came back after a redrive says so", async () => {
  const payload = (id: string) => orderWith({ order_uid: id, payment: { ...MODEL.payment, bank: [] } });
  const [position = 0n] = await receive(payload("back 1"));
  const { fingerprint } = await desk.show(position);
  const groupOf = async () =>
    (await desk.overview({}, 500)).groups.find((group) => group.fingerprint === fingerprint);
  assert.is((await groupOf())?.came_back_after, null);
  const fixed = orderWith({ order_uid: "back 1" });
  await desk.redrive(position, fixed, ANN);
  await project();
  assert.is((await groupOf())?.came_back_after, null);
  await receive(payload("back 2"));
  const group = await groupOf();
  const [redrive] = (await desk.biography(position)).actions;
  assert.is(group?.came_back_after, redrive?.at);
  assert.equal([group?.open, group?.redriven], [1, 1]);
});

letters("a message of any outcome is shown masked, between its neighbours, with its trace", async () => {
  const headers = headersToJson({ headers: [["x-phone", "+49170999999"]] });
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const [before = 0n] = await receive("before it");
  const told = messageOf(orderWith({ order_uid: "shown" }), { traceparent, ...(headers ? { headers } : {}) });
  const { receipts } = await appendAll(database, [told]);
  const position = receipts[0]?.position ?? 0n;
  const pending = await desk.messages.show(position);
  assert.equal([pending.outcome, pending.previous, pending.next], ["pending", String(before), null]);
  const [after = 0n] = await receive("after it");
  const shown = await desk.messages.show(position);
  assert.equal([shown.outcome, shown.next, shown.view], ["projected", String(after), `/orders/${position}`]);
  assert.equal(shown.trace, { id: "4bf92f3577b34da6a3ce929d0e0e4736", url: null });
  assert.not.match(JSON.stringify(shown), MODEL.delivery.phone);
  assert.not.match(JSON.stringify(shown.with), "170999999");
  const revealed = await desk.messages.reveal(position, ANN);
  assert.match(revealed.payload.content, MODEL.delivery.phone);
  assert.match(JSON.stringify(revealed.with), "+49170999999");
  assert.equal(
    revealed.actions.map(({ action, author }) => [action, author]),
    [["reveal", "Ann"]],
  );
  assert.instance(await errorOf(desk.messages.show(10n ** 9n)), NotFoundError);
  assert.instance(await errorOf(desk.messages.reveal(10n ** 9n, ANN)), NotFoundError);
});

letters("who reveals a redrive sees its original, too, which is recorded", async () => {
  const [position = 0n] = await receive(orderWith({ order_uid: "compared", sm_id: "x" }));
  const edited = orderWith({ order_uid: "compared" });
  const { redrive_position } = await desk.redrive(position, edited, ANN);
  await project();
  await desk.messages.reveal(BigInt(redrive_position), { author: "Cem" });
  const { actions } = await desk.messages.show(position);
  assert.equal(
    actions.map(({ action, author }) => [action, author]),
    [
      ["redrive", "Ann"],
      ["reveal", "Cem"],
    ],
  );
});

letters.after(async () => {
  await rest[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
letters.run();
