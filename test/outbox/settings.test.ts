/** Settings of the outbox's broker. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../src/config/config.ts";
import type { ConfigError } from "../../src/config/read.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { ledger } from "../support/ledger/index.ts";

const settings = suite("settings of the outbox");
const DATABASE_URL = "postgres://waybill@127.0.0.1/waybill";

function thrownBy(work: () => unknown): ConfigError {
  try {
    work();
  } catch (error) {
    return error as ConfigError;
  }
  throw new Error("nothing was thrown");
}

settings(
  "events go to OUTBOX_KAFKA_BROKERS, else to KAFKA_BROKERS, each domain under an id of its own",
  () => {
    const known = [...DOMAINS, ledger];
    const outboxes = (environment: Record<string, string>) =>
      loadConfig(known, { DATABASE_URL, DOMAINS: "orders,ledger", ...environment }).domains.map(
        ({ outbox }) => outbox && [outbox.brokers.join(), outbox.transactionalId],
      );
    assert.equal(outboxes({}), [undefined, undefined]);
    assert.equal(outboxes({ KAFKA_BROKERS: "a:1" }), [
      ["a:1", "orders-outbox"],
      ["a:1", "ledger-outbox"],
    ]);
    const named = { KAFKA_BROKERS: "a:1", OUTBOX_KAFKA_BROKERS: "b:2,c:3", OUTBOX_TRANSACTIONAL_ID: "eu" };
    assert.equal(outboxes(named), [
      ["b:2,c:3", "eu"],
      ["b:2,c:3", "eu-ledger"],
    ]);
    const { problems } = thrownBy(() => outboxes({ OUTBOX_KAFKA_BROKERS: "nowhere" }));
    assert.equal(problems, [
      'OUTBOX_KAFKA_BROKERS must be a comma-separated list of host:port, such as 127.0.0.1:9092 (was "nowhere")',
    ]);
  },
);

settings.run();
