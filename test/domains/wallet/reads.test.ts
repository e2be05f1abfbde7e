import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Request } from "../../../src/contract/route.ts";
import { LiveBalances } from "../../../src/domains/wallet/routes/live.ts";
import { createDatabase } from "../../support/database.ts";
import { until } from "../../support/wait.ts";
import { ADMIN, type Answer, WalletService } from "../../support/wallet/service.ts";

const database = await createDatabase();
const wallets = await WalletService.start(database);
const reads = suite("reads of the wallet");

reads("balances are those of any position or time, and all of one moment", async () => {
  const first = await wallets.deposit("theo", "10");
  const second = await wallets.deposit("theo", "5", "EUR");
  await wallets.post("theo", "/wallet/withdrawals", { currency: "USD", amount: "3" });
  const at = async (moment: string) => (await wallets.get("theo", `/wallet/balances?at=${moment}`)).body;
  assert.equal((await wallets.get("theo", "/wallet/balances")).body.balances, {
    EUR: { available: "5.00", held: "0.00" },
    USD: { available: "7.00", held: "0.00" },
  });
  assert.equal((await at(first.body.position)).balances.USD, { available: "10.00", held: "0.00" });
  assert.equal(await at("0"), { position: "0", balances: {} });
  const time = (await wallets.get("theo", `/wallet/transactions/${second.body.position}`)).body.at;
  const then = await at(encodeURIComponent(time));
  assert.is(then.balances.EUR.available, "5.00");
  assert.equal((await at("2020-01-01T00:00:00Z")).balances, {});
  for (const query of ["at=yesterday", "at=-1", "after=x", "when=1", "at=2020-13-01T00:00:00Z"])
    assert.is((await wallets.get("theo", `/wallet/balances?${query}`)).status, 400, query);
  const { body } = await wallets.get("theo", "/wallet/balances/JPY");
  assert.equal([body.available, body.held], ["0", "0"]);
  assert.is((await wallets.get("theo", "/wallet/balances/XXX")).status, 404);
});

reads("a statement shows each change with the balance after it, and declines, page by page", async () => {
  await wallets.deposit("stan", "10");
  await wallets.post("stan", "/wallet/withdrawals", { currency: "USD", amount: "99" });
  await wallets.post("stan", "/wallet/transfers", { to: "tina", currency: "USD", amount: "4" }, "gift");
  const { body } = await wallets.get("stan", "/wallet/statement");
  const shown = body.entries.map((entry: Answer["body"]) => [
    entry.type,
    entry.reason ?? entry.changes.map((one: Answer["body"]) => `${one.amount} = ${one.balance_after}`).join(),
  ]);
  assert.equal(shown, [
    ["transfer", "-4.00 = 6.00"],
    ["withdraw", "insufficient_funds"],
    ["deposit", "10.00 = 10.00"],
  ]);
  assert.is(body.next, null);
  const received = (await wallets.get("tina", "/wallet/statement")).body.entries;
  assert.equal(
    received.map((entry: Answer["body"]) => [entry.counterparty, entry.id]),
    [["stan", "gift"]],
  );
  assert.not.match(JSON.stringify(received), "6.00");
  const pages: string[] = [];
  for (let path = "/wallet/statement?limit=1"; ; ) {
    const page = (await wallets.get("stan", path)).body;
    pages.push(...page.entries.map((entry: Answer["body"]) => entry.type));
    if (page.next === null) break;
    path = `/wallet/statement?limit=1&before=${page.next}`;
  }
  assert.equal(pages, ["transfer", "withdraw", "deposit"]);
  const count = async (query: string) =>
    (await wallets.get("stan", `/wallet/statement?${query}`)).body.entries.length;
  assert.equal(
    [await count("status=declined"), await count("status=succeeded"), await count("currency=EUR")],
    [1, 2, 0],
  );
  for (const query of ["status=x", "currency=usd", "limit=0", "before=x", "owner=tina"])
    assert.is((await wallets.get("stan", `/wallet/statement?${query}`)).status, 400, query);
});

reads("an operator reads any statement, and that is recorded first; users cannot", async () => {
  const { body: made } = await wallets.deposit("olga", "10");
  const path = "/wallet/owners/olga/statement";
  const { body } = await wallets.ask("GET", `${path}?author=Ann&reason=a%20complaint`, { token: ADMIN });
  assert.equal(
    body.entries.map((entry: Answer["body"]) => entry.position),
    [made.position],
  );
  const { rows } = await database.query(
    "select position, author, reason from operator_actions where action = 'reveal' order by id",
  );
  assert.equal(
    rows.map((row) => [String(row.position), row.author, row.reason]),
    [[made.position, "Ann", "a complaint"]],
  );
  assert.is((await wallets.ask("GET", `${path}?author=%20`, { token: ADMIN })).status, 400);
});

reads("live balances come to their owner alone, whichever process decides", async () => {
  await using other = await WalletService.start(database);
  const watch = async (user: string) => {
    const stopping = new AbortController();
    const headers = { authorization: `Bearer ${await WalletService.tokenOf(user)}` };
    const { signal } = stopping;
    const response = await fetch(`${wallets.url}/wallet/balances/events`, { headers, signal });
    let text = "";
    const reading = (async () => {
      for await (const chunk of response.body as ReadableStream<Uint8Array>)
        text += Buffer.from(chunk).toString();
    })().catch(() => {});
    return {
      events: () =>
        [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data as string).balances),
      stop: () => {
        stopping.abort();
        return reading;
      },
    };
  };
  await wallets.deposit("lena", "1");
  const [own, stranger] = [await watch("lena"), await watch("luke")];
  await until("the balances of now", () => own.events().length === 1 && stranger.events().length === 1);
  await other.post("lena", "/wallet/deposits", { currency: "USD", amount: "2" }, WalletService.newKey());
  await until("the new balances", () => own.events().length === 2);
  assert.equal(own.events().at(-1), { USD: { available: "3.00", held: "0.00" } });
  assert.equal(stranger.events(), [{}]);
  await Promise.all([own.stop(), stranger.stop()]);
});

reads("a stream ends when the token of its reader has expired, or when the service stops", async () => {
  let isExpired = false;
  const user = {
    name: "user",
    description: "",
    authenticate: async () => (isExpired ? undefined : "lena"),
  };
  const live = new LiveBalances(database, 5, 2);
  const { handle } = live.route(user);
  await using server = createServer((request, response) =>
    handle(Object.assign(request, { subject: "lena" }) as unknown as Request, response),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const watch = async () => {
    const response = await fetch(`http://127.0.0.1:${port}`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    return {
      ended: async () => {
        while (!(await reader.read()).done);
        return true;
      },
    };
  };
  const expiring = await watch();
  isExpired = true;
  assert.ok(await expiring.ended());
  isExpired = false;
  const open = await watch();
  live.close();
  assert.ok(await open.ended());
});

reads.after(async () => {
  await wallets[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
reads.run();
