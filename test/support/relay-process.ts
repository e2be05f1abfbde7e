/** Relays the outbox of one domain until it is killed. */
import { armFailpoint } from "../../src/config/failpoint.ts";
import { Database } from "../../src/database/database.ts";
import { OutboxRelay } from "../../src/outbox/relay.ts";
import { KafkaTransport } from "../../src/outbox/transport-kafka.ts";
import { createLogger } from "../../src/telemetry/logger.ts";

const { databaseUrl, config, domain, failpoint, turnSeconds } = JSON.parse(process.argv[2] as string);
const logger = createLogger("debug");
if (failpoint) armFailpoint(failpoint, 1);
new OutboxRelay({
  database: new Database(databaseUrl, { connectionsMax: 2, logger }),
  domain,
  transport: new KafkaTransport(config),
  logger,
  ...(turnSeconds === undefined ? {} : { turnSeconds }),
}).start();
