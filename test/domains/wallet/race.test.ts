import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { wallet } from "../../../src/domains/wallet/index.ts";
import { SECRET } from "../../../tools/domains/wallet/token.ts";
import { createDatabase } from "../../support/database.ts";
import { startAsProcess } from "../../support/service.ts";
import { command, read } from "../../support/wallet/client.ts";

const race = suite("race");

race("of 1,000 withdrawals of 1 from 100, exactly 100 succeed", async () => {
  await using database = await createDatabase();
  const start = () =>
    startAsProcess(database.serviceUrl, {
      DOMAINS: "wallet",
      WALLET_JWT_SECRET: SECRET,
      WALLET_ANSWER_SECONDS: "25",
    });
  const services = await Promise.all([start(), start(), start()]);
  const urls = services.map(({ url }) => url);
  try {
    const deposit = { type: "deposit", currency: "USD", amount: "100.00" };
    assert.is((await command(urls[0] as string, "ann", "d", deposit)).status, 201);
    const withdrawal = { type: "withdraw", currency: "USD", amount: "1.00" };
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async (_none, index) => {
        const url = urls[index % urls.length] as string;
        // After a timeout, repeated with the key.
        for (;;) {
          const answer = await command(url, "ann", `w${index}`, withdrawal);
          if (answer.status !== 202) return answer;
        }
      }),
    );
    const byStatus = Map.groupBy(answers, ({ status }) => status);
    assert.equal([...byStatus.keys()].sort(), [201, 409]);
    assert.is(byStatus.get(201)?.length, 100);
    for (const { body } of byStatus.get(409) ?? []) {
      assert.match(String(body.type), /insufficient_funds$/);
      assert.is(body.retryable, false);
    }
    const left = (byStatus.get(201) ?? [])
      .sort((a, b) => Number(a.body.position) - Number(b.body.position))
      .map(({ body }) => body.balances?.USD?.available);
    assert.equal(
      left,
      Array.from({ length: 100 }, (_none, index) => `${99 - index}.00`),
    );
    for (const url of urls) {
      const { body } = await read(url, "ann", "/wallet/balances/USD");
      assert.is(body.available, "0.00");
    }
    assert.ok((await audit(database, [wallet], { isFull: true })).holds);
  } finally {
    await Promise.all(services.map(({ child }) => child.end("SIGTERM")));
  }
});

race.run();
