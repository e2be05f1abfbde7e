/** Clients compare their answers with the state after kills of services and PostgreSQL. */
import { setTimeout as delay } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { Database } from "../../../src/database/database.ts";
import { wallet } from "../../../src/domains/wallet/index.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";
import { WalletFactory } from "../../../tools/domains/wallet/factory.ts";
import { walletKit } from "../../../tools/domains/wallet/index.ts";
import { type ServiceProcess, startServiceProcess } from "../../../tools/stack/service.ts";
import { startStack } from "../../../tools/stack/stack.ts";
import { until } from "../../support/wait.ts";
import { type Answer, command, read } from "../../support/wallet/client.ts";

const answers = suite("answers of the wallet");

answers("what was answered before a kill is true after it", async () => {
  await using stack = await startStack("wallet-answers", () => {}, { kits: [walletKit] });
  await using database = new Database(stack.environment.DATABASE_URL as string, {
    connectionsMax: 2,
    logger: createLogger("silent"),
  });
  const start = () => startServiceProcess({ ...stack.environment, SOURCES: "http" }, stack.folder);
  const services: ServiceProcess[] = [await start(), await start()];
  const answered: { owner: string; id: string; answer: Answer }[] = [];
  const asked = new Map<string, object>();
  const calm = new AbortController();
  const factory = new WalletFactory(Math.floor(Math.random() * 2 ** 31), undefined, 20);

  const client = async (place: number) => {
    for (let count = place; !calm.signal.aborted; count++) {
      const { owner, id, ...body } = factory.next();
      asked.set(`${owner} ${id}`, body);
      // Repeated with its key, to any process.
      for (;;) {
        const { url } = services[count++ % services.length] as ServiceProcess;
        const answer = await command(url, owner, id, body).catch(() => undefined);
        if (answer?.status === 201 || answer?.status === 409) {
          answered.push({ owner, id, answer });
          break;
        }
        if (calm.signal.aborted) break;
        await delay(20);
      }
    }
  };
  const clients = Array.from({ length: CLIENTS }, (_none, place) => client(place));

  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const before = answered.length;
      await until("commands are answered", () => answered.length > before + 100);
      if (kill % 3 === 2) {
        await stack.postgres.stop("SIGKILL");
        // Its children keep the shared memory a little longer.
        await until("PostgreSQL starts again", () =>
          stack.postgres.start().then(
            () => true,
            () => false,
          ),
        );
      } else {
        const place = kill % services.length;
        await (services[place] as ServiceProcess).child.end("SIGKILL");
        services[place] = await start();
      }
    }
    const before = answered.length;
    await until("commands are answered at last", () => answered.length > before + 100);
  } finally {
    calm.abort();
    await Promise.all(clients);
  }

  const { url } = services[0] as ServiceProcess;
  const rest = answered.values();
  const compare = async () => {
    for (const { owner, id, answer } of rest) {
      const body = asked.get(`${owner} ${id}`) as object;
      const again = await command(url, owner, id, body);
      assert.equal(again.body, answer.body, `${owner} ${id}`);
      const { body: stored } = await read(url, owner, `/wallet/commands/${id}`);
      assert.is(stored.position, answer.body.position);
      assert.is(stored.status, answer.status === 201 ? "succeeded" : "declined");
    }
  };
  // By many at once: one after the other they would be silent for minutes on a slow machine.
  await Promise.all(Array.from({ length: CLIENTS }, compare));
  assert.ok(answered.length > 100 * KILLS);
  const { holds, domains } = await audit(database, [wallet], { isFull: true });
  assert.ok(holds);
  assert.is(domains.wallet?.dead, 0n);
  for (const { child } of services) await child.end("SIGTERM");
});

answers.run();

const CLIENTS = 16;
const KILLS = 9;
