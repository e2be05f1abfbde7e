import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AnyDomain } from "../../../src/contract/domain.ts";
import { wallet } from "../../../src/domains/wallet/index.ts";
import { createDatabase } from "../../support/database.ts";
import { appendAll } from "../../support/engine.ts";
import { brokerEnvironment } from "../../support/service.ts";
import { commandMessage } from "../../support/wallet/messages.ts";
import { ADMIN, fetchAsOperator, kindOf, WalletService } from "../../support/wallet/service.ts";

const database = await createDatabase();
const wallets = await WalletService.start(database);
const routes = suite("routes of the wallet");

routes("a command that is done answers 201 with the balances after it", async () => {
  const { status, body } = await wallets.deposit("ann", "100.50");
  const { position, ...rest } = body;
  assert.match(position, /^\d+$/);
  assert.equal(
    [status, rest],
    [201, { status: "succeeded", balances: { USD: { available: "100.50", held: "0.00" } } }],
  );
  const taken = await wallets.post("ann", "/wallet/withdrawals", { currency: "USD", amount: "0.5" });
  assert.equal([taken.status, taken.body.balances], [201, { USD: { available: "100.00", held: "0.00" } }]);
  const any = await wallets.post("ann", "/wallet/commands", {
    type: "deposit",
    currency: "KWD",
    amount: "1.5",
  });
  assert.equal([any.status, any.body.balances], [201, { KWD: { available: "1.500", held: "0.000" } }]);
});

routes("a hold is captured, released and shown as held", async () => {
  await wallets.deposit("hanna", "10");
  const hold = { currency: "USD", amount: "4", expires_in_seconds: 600 };
  const held = await wallets.post("hanna", "/wallet/holds", hold, "hold-1");
  assert.equal(held.body.balances, { USD: { available: "6.00", held: "4.00" } });
  const captured = await wallets.post("hanna", "/wallet/holds/hold-1/capture", { amount: "1" });
  assert.equal(captured.body.balances, { USD: { available: "6.00", held: "3.00" } });
  const released = await wallets.post("hanna", "/wallet/holds/hold-1/release", "");
  assert.equal(released.body.balances, { USD: { available: "9.00", held: "0.00" } });
  const late = await wallets.post("hanna", "/wallet/holds/hold-1/capture", {});
  assert.is(kindOf(late), "409 hold_closed");
});

routes("a rule says no with 409, its reason and what is available, and the answer stays", async () => {
  await wallets.deposit("dora", "5");
  const key = WalletService.newKey();
  const body = { currency: "USD", amount: "6" };
  const first = await wallets.post("dora", "/wallet/withdrawals", body, key);
  const { position, ...rest } = first.body;
  assert.match(position, /^\d+$/);
  assert.equal(rest, {
    type: "urn:waybill:problem:insufficient_funds",
    title: "The available balance is too low",
    status: 409,
    currency: "USD",
    available: "5.00",
    retryable: false,
  });
  // It would succeed now.
  await wallets.deposit("dora", "5");
  const again = await wallets.post("dora", "/wallet/withdrawals", body, key);
  assert.equal([again.status, again.body], [409, first.body]);
  assert.is(await wallets.dollarsOf("dora"), "10.00");
  const { body: letters } = await fetchAsOperator(wallets.url, "/deadletters?state=open");
  assert.equal(letters.deadletters, []);
});

routes("each rule has its reason", async () => {
  await wallets.deposit("rita", "5");
  const money = { currency: "USD", amount: "1" };
  const declined = async (path: string, body: unknown) => kindOf(await wallets.post("rita", path, body));
  assert.is(await declined("/wallet/deposits", { ...money, currency: "XXX" }), "409 unknown_currency");
  assert.is(await declined("/wallet/deposits", { ...money, amount: "1.001" }), "409 amount_precision");
  assert.is(await declined("/wallet/deposits", { ...money, amount: "9".repeat(40) }), "409 overflow");
  assert.is(await declined("/wallet/transfers", { ...money, to: "rita" }), "409 self_transfer");
  assert.is(await declined("/wallet/holds/none/capture", {}), "409 hold_not_found");
  assert.is(await declined("/wallet/reversals", { transaction: "none" }), "409 transaction_not_found");
});

routes("the same key with the same content answers as the first time, from any process", async () => {
  await using other = await WalletService.start(database);
  const key = WalletService.newKey();
  const body = { currency: "USD", amount: "7" };
  const first = await wallets.post("rosa", "/wallet/deposits", body, key);
  await wallets.deposit("rosa", "1");
  const turned = '{ "amount": "7", "currency": "USD" }';
  for (const again of [
    await wallets.post("rosa", "/wallet/deposits", body, key),
    await wallets.post("rosa", "/wallet/deposits", turned, key),
    await wallets.post("rosa", "/wallet/commands", { type: "deposit", ...body }, key),
    await other.post("rosa", "/wallet/deposits", body, key),
  ])
    assert.equal([again.status, again.body], [201, first.body]);
  const atOnce = await Promise.all(
    Array.from({ length: 20 }, (_none, index) =>
      (index % 2 ? other : wallets).post("rosa", "/wallet/deposits", body, "at-once"),
    ),
  );
  assert.is(new Set(atOnce.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size, 1);
  assert.is(await wallets.dollarsOf("rosa"), "15.00");
});

routes("the same key with other content is refused with 422, and nothing is appended", async () => {
  const key = WalletService.newKey();
  await wallets.post("karl", "/wallet/deposits", { currency: "USD", amount: "7" }, key);
  const before = await countInbox();
  const changed = await wallets.post("karl", "/wallet/deposits", { currency: "USD", amount: "8" }, key);
  assert.is(kindOf(changed), "422 key-reused");
  const type = await wallets.post("karl", "/wallet/withdrawals", { currency: "USD", amount: "7" }, key);
  assert.is(kindOf(type), "422 key-reused");
  assert.is(await countInbox(), before);
  assert.is(await wallets.dollarsOf("karl"), "7.00");
});

routes("a key that came over a broker before has that command's answer", async () => {
  const command = { id: "by-broker", type: "deposit", owner: "bert", currency: "USD", amount: "3" };
  await appendAll(database, [commandMessage(command)], wallet);
  const body = { currency: "USD", amount: "3" };
  const same = await wallets.post("bert", "/wallet/deposits", body, "by-broker");
  assert.equal([same.status, same.body.balances], [201, { USD: { available: "3.00", held: "0.00" } }]);
  const again = await wallets.post("bert", "/wallet/deposits", body, "by-broker");
  assert.equal(again.body, same.body);
  await appendAll(database, [commandMessage({ ...command, id: "other" })], wallet);
  const changed = await wallets.post("bert", "/wallet/deposits", { ...body, amount: "4" }, "other");
  assert.is(kindOf(changed), "422 key-reused");
  assert.is(await wallets.dollarsOf("bert"), "6.00");
});

routes("an invalid command is refused with 400 that names the member, and nothing is appended", async () => {
  const money = { currency: "USD", amount: "1" };
  const before = await countInbox();
  const wrong: readonly (readonly [path: string, body: unknown, parameter: string])[] = [
    ["/wallet/deposits", { ...money, amount: "1e3" }, "amount"],
    ["/wallet/deposits", { ...money, amount: 1 }, "amount"],
    ["/wallet/deposits", { ...money, amount: "-1" }, "amount"],
    ["/wallet/deposits", { ...money, amount: "１" }, "amount"],
    ["/wallet/deposits", { currency: "USD" }, "amount"],
    ["/wallet/deposits", { ...money, currency: "usd" }, "currency"],
    ["/wallet/deposits", { ...money, fee: "1" }, "fee"],
    ["/wallet/deposits", { ...money, id: "x" }, "id"],
    ["/wallet/deposits", { ...money, type: "deposit" }, "type"],
    ["/wallet/deposits", { ...money, owner: "bob" }, "owner"],
    ["/wallet/withdrawals", { ...money, owner: "eve" }, "owner"],
    ["/wallet/transfers", { ...money, to: "external" }, "to"],
    ["/wallet/holds/x/capture", { hold: "y" }, "hold"],
    ["/wallet/commands", { ...money, type: "mint" }, "type"],
    ["/wallet/commands", { type: "tick" }, "owner"],
    ["/wallet/commands", "[]", "body"],
    ["/wallet/commands", "{", "body"],
    ["/wallet/commands", '{"type":"deposit","type":"withdraw"}', "type"],
    ["/wallet/commands", "", "type"],
  ];
  for (const [path, body, parameter] of wrong) {
    const answer = await wallets.post("eve", path, body);
    assert.equal(
      [kindOf(answer), answer.body.parameter],
      ["400 invalid-input", parameter],
      JSON.stringify(body),
    );
  }
  const operators = { type: "currency.put", code: "XTS", numeric_code: 963, exponent: 2, enabled: true };
  assert.is((await wallets.post("eve", "/wallet/commands", operators)).status, 400);
  for (const key of [undefined, "x".repeat(65), "a b"]) {
    const answer = await wallets.ask("POST", "/wallet/deposits", {
      user: "eve",
      body: money,
      ...(key ? { key } : {}),
    });
    assert.equal([answer.status, answer.body.parameter], [400, "Idempotency-Key"]);
  }
  assert.is(await countInbox(), before);
});

routes("requests without a token, or with a token of another kind, are refused", async () => {
  const asked: readonly (readonly [method: string, path: string])[] = [
    ["POST", "/wallet/deposits"],
    ["POST", "/wallet/holds/x/capture"],
    ["GET", "/wallet/balances"],
    ["GET", "/wallet/balances/USD"],
    ["GET", "/wallet/statement"],
    ["GET", "/wallet/transactions/1"],
    ["GET", "/wallet/commands/x"],
  ];
  for (const [method, path] of asked) {
    const answer = await wallets.ask(method, path, {});
    assert.is(answer.status, 401, path);
    assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer /);
    assert.is((await wallets.ask(method, path, { token: ADMIN })).status, 401, path);
  }
  const stream = await fetch(`${wallets.url}/wallet/balances/events`);
  assert.is(stream.status, 401);
  await stream.body?.cancel();
  for (const path of ["/wallet/owners/ann/statement"])
    assert.is((await wallets.get("ann", path)).status, 401);
  assert.is((await wallets.post("ann", "/wallet/currencies", {})).status, 401);
});

routes("another user's transactions, keys and holds are not there", async () => {
  const { body } = await wallets.deposit("alan", "50");
  const key = "private-key";
  await wallets.post("alan", "/wallet/holds", { currency: "USD", amount: "9", expires_in_seconds: 600 }, key);
  assert.is((await wallets.get("alan", `/wallet/transactions/${body.position}`)).status, 200);
  for (const path of [
    `/wallet/transactions/${body.position}`,
    "/wallet/transactions/999999",
    `/wallet/commands/${key}`,
  ])
    assert.is((await wallets.get("mallory", path)).status, 404, path);
  assert.is(kindOf(await wallets.post("mallory", `/wallet/holds/${key}/capture`, {})), "409 hold_not_found");
  assert.is(kindOf(await wallets.post("mallory", `/wallet/holds/${key}/release`, {})), "409 hold_not_found");
  assert.is(
    kindOf(await wallets.post("mallory", "/wallet/reversals", { transaction: key })),
    "409 transaction_not_found",
  );
  assert.equal((await wallets.get("mallory", "/wallet/balances")).body.balances, {});
  const sameKey = await wallets.post("mallory", "/wallet/deposits", { currency: "USD", amount: "1" }, key);
  assert.equal([sameKey.status, sameKey.body.balances], [201, { USD: { available: "1.00", held: "0.00" } }]);
  const { entries } = (await wallets.get("mallory", "/wallet/statement")).body;
  assert.not.match(JSON.stringify(entries), '"alan"');
  assert.equal((await wallets.get("alan", "/wallet/balances/USD")).body.available, "41.00");
});

routes("owner and key are joined so that no two pairs are one message", async () => {
  await wallets.post("a", "/wallet/deposits", { currency: "USD", amount: "1" }, "b-c");
  await wallets.post("a-b", "/wallet/deposits", { currency: "USD", amount: "2" }, "c");
  assert.equal([await wallets.dollarsOf("a"), await wallets.dollarsOf("a-b")], ["1.00", "2.00"]);
});

routes("of 100 withdrawals at once from a balance of 10, 10 succeed", async () => {
  await wallets.deposit("race", "10");
  const answers = await Promise.all(
    Array.from({ length: 100 }, () =>
      wallets.post("race", "/wallet/withdrawals", { currency: "USD", amount: "1" }),
    ),
  );
  const byStatus = Map.groupBy(answers, ({ status }) => status);
  assert.equal([byStatus.get(201)?.length, byStatus.get(409)?.length], [10, 90]);
  assert.ok(byStatus.get(409)?.every((answer) => kindOf(answer) === "409 insufficient_funds"));
  assert.is(await wallets.dollarsOf("race"), "0.00");
  assert.is(new Set(answers.map(({ body }) => body.position)).size, 100);
  const { body } = await fetchAsOperator(wallets.url, "/audit?full=true");
  assert.ok(body.holds);
});

routes("without the http source, routes that need it do not exist", async () => {
  const sources = { SOURCES: "nats-streaming", ...brokerEnvironment() };
  await using reader = await WalletService.start(database, { ...sources, WALLET_STAN_CHANNEL: "routes" });
  const posted = await fetch(`${reader.url}/wallet/deposits`, { method: "POST" });
  assert.is(posted.status, 404);
  assert.is((await reader.get("ann", "/wallet/balances")).body.balances.USD.available, "100.00");
});

function heldBack(): Disposable & { domain: AnyDomain; release: () => void; fail: () => void } {
  let gate = Promise.resolve();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  const domain: AnyDomain = {
    ...wallet,
    createProjection: () => {
      const { project } = wallet.createProjection();
      return {
        project: async (batch, transaction) => {
          if (batch.some(({ payload }) => payload.includes('"type":"deposit"'))) gate = promise;
          await gate;
          return project(batch, transaction);
        },
      };
    },
  };
  const release = () => resolve();
  return { domain, release, fail: () => reject(new Error("the code fails")), [Symbol.dispose]: release };
}

routes(
  "a command that is not decided in time is answered with 202, and asking again waits again",
  async () => {
    const held = heldBack();
    await using own = await createDatabase();
    await using slow = await WalletService.start(own, { WALLET_ANSWER_SECONDS: "1" }, [held.domain]);
    using gate = held;
    const body = { currency: "USD", amount: "1" };
    const pending = await slow.post("pia", "/wallet/deposits", body, "slow/%");
    assert.equal([pending.status, pending.body.status], [202, "pending"]);
    const location = pending.headers.get("location") ?? "";
    assert.is(location, "/wallet/commands/slow%2F%25");
    const shown = await slow.ask("GET", location, { user: "pia" });
    assert.equal([shown.status, shown.body], [202, pending.body]);
    assert.is((await slow.ask("GET", location, { user: "mallory" })).status, 404);
    const again = slow.post("pia", "/wallet/deposits", body, "slow/%");
    const after = slow.get("pia", `/wallet/balances?after=${pending.body.position}`);
    gate.release();
    assert.is((await again).body.position, pending.body.position);
    assert.equal((await after).body.balances, { USD: { available: "1.00", held: "0.00" } });
    assert.is((await slow.ask("GET", location, { user: "pia" })).body.status, "succeeded");
    const future = await slow.ask("GET", "/wallet/balances?after=99999999", { user: "pia" });
    assert.is(kindOf(future), "503 unavailable");
  },
);

routes(
  "a command on which the code fails is answered with 500 and the position where it was buried",
  async () => {
    const { domain, fail } = heldBack();
    fail();
    await using own = await createDatabase();
    await using broken = await WalletService.start(own, {}, [domain]);
    const body = { currency: "USD", amount: "1" };
    const answer = await broken.post("pia", "/wallet/deposits", body, "buried");
    assert.is(kindOf(answer), "500 buried");
    const { body: letter } = await fetchAsOperator(broken.url, `/deadletters/${answer.body.position}`);
    assert.is(letter.code, "projection_failed");
    const again = await broken.post("pia", "/wallet/deposits", body, "buried");
    assert.equal([again.status, again.body], [500, answer.body]);
  },
);

routes("an operator adds a currency and disables it", async () => {
  const put = (enabled: boolean) =>
    wallets.ask("POST", "/wallet/currencies", {
      token: ADMIN,
      key: WalletService.newKey(),
      body: { code: "XTS", numeric_code: 963, exponent: 1, enabled },
    });
  assert.is((await put(true)).status, 201);
  assert.equal((await wallets.deposit("cora", "1.5", "XTS")).body.balances, {
    XTS: { available: "1.5", held: "0.0" },
  });
  assert.is((await put(false)).status, 201);
  assert.is(kindOf(await wallets.deposit("cora", "1", "XTS")), "409 currency_disabled");
  const { body } = await wallets.ask("GET", "/wallet/currencies", {});
  assert.equal(body.currencies.map(({ code }: { code: string }) => code).join(), "EUR,JPY,KWD,RUB,USD,XTS");
});

async function countInbox(): Promise<number> {
  const { rows } = await database.query("select count(*)::int as count from inbox where source = 'http'");
  return rows[0]?.count;
}

routes.after(async () => {
  await wallets[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
routes.run();
