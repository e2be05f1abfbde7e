/** PostgreSQL and a broker under `.data/`, migrated. */
import { join } from "node:path";
import { install } from "../../src/cli/install.ts";
import { channelsOf } from "../../src/config/config.ts";
import type { AnyDomain } from "../../src/contract/domain.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { KITS } from "../domains/index.ts";
import type { DomainKit } from "../domains/kit.ts";
import type { Broker, BrokerKind } from "./broker.ts";
import { startBroker } from "./brokers.ts";
import { DISK, openDataFolder } from "./data-folder.ts";
import { LimitedDisk } from "./limited-disk.ts";
import { Postgres } from "./postgres.ts";

export type Stack = AsyncDisposable &
  Readonly<{
    folder: string;
    postgres: Postgres;
    /** If PostgreSQL has one. */
    disk: LimitedDisk | undefined;
    /** If available on this machine. */
    broker: Broker | undefined;
    /** Of broker and channels, for the service and publishers. */
    brokerEnvironment: Readonly<Record<string, string>>;
    /** All variables for the service. */
    environment: Readonly<Record<string, string>>;
  }>;

type StackOptions = Readonly<{
  limitsDisk?: boolean;
  source?: BrokerKind;
  kits?: readonly DomainKit[];
}>;

/**
 * @param limitsDisk gives PostgreSQL a disk that can be filled, if this process may mount one.
 * @param kits domains that the service runs.
 */
export async function startStack(
  name: string,
  say: (text: string) => void,
  { limitsDisk = false, source = "nats-streaming", kits = KITS.slice(0, 1) }: StackOptions = {},
): Promise<Stack> {
  const domains = kits.map(({ domain }) => domain);
  await using started = new AsyncDisposableStack();
  const { path: folder } = started.use(await openDataFolder(name));

  const diskFolder = join(folder, DISK);
  const disk = limitsDisk ? await LimitedDisk.mount(diskFolder) : undefined;
  if (disk) started.use(disk);
  say("starting PostgreSQL");
  const postgres = await Postgres.create(join(folder, "postgres"), [], disk && join(diskFolder, "data"));
  started.defer(() => postgres.stop());
  await postgres.createDatabase("waybill");
  const ownerUrl = postgres.ownerUrl("waybill");
  const serviceUrl = postgres.serviceUrl("waybill");
  await install(ownerUrl, serviceUrl, DOMAINS);

  const broker = await startBroker(source, join(folder, source), say);
  if (broker) started.defer(() => broker.stop());

  const brokerEnvironment = withTopics(broker?.environment() ?? {}, domains);
  const environment = {
    DATABASE_URL: serviceUrl,
    MIGRATION_DATABASE_URL: ownerUrl,
    DOMAINS: domains.map(({ name }) => name).join(),
    SOURCES: broker ? `${source},http` : "http",
    ...brokerEnvironment,
    ...Object.assign({}, ...kits.map((kit) => kit.environment)),
  };
  const stack = started.move();
  return {
    folder,
    postgres,
    disk,
    broker,
    brokerEnvironment,
    environment,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** On a shared Kafka, not their default topics. */
function withTopics(
  environment: Readonly<Record<string, string>>,
  domains: readonly AnyDomain[],
): Readonly<Record<string, string>> {
  const topic = environment.KAFKA_TOPIC;
  if (topic === undefined) return environment;
  const topics = domains.map((domain): [string, string] => {
    const { prefix } = channelsOf(domain);
    return [`${prefix}KAFKA_TOPIC`, prefix === "" ? topic : `${topic}-${domain.name}`];
  });
  return { ...environment, ...Object.fromEntries(topics) };
}
