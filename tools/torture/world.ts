/** PostgreSQL, broker and services, with a proxy in between, which the judge bypasses. */
import { join } from "node:path";
import type { DomainKit } from "../domains/kit.ts";
import { type BrokerKind, HOW_TO_GET } from "../stack/broker.ts";
import { type ServiceProcess, startServiceProcess } from "../stack/service.ts";
import { type Stack, startStack } from "../stack/stack.ts";
import { Toxiproxy } from "./proxy.ts";

export type World = AsyncDisposable &
  Readonly<{
    stack: Stack;
    proxy: Toxiproxy;
    services: ServiceProcess[];
    /** Starts or restarts one. @param extra variables. */
    startService: (place: number, extra?: Readonly<Record<string, string>>) => Promise<ServiceProcess>;
    /** By index; any other exit is a failure. */
    isMeantToRun: boolean[];
    surprises: string[];
  }>;

export async function createWorld(
  { services, source, kit }: Readonly<{ services: number; source: BrokerKind; kit: DomainKit }>,
  say: (text: string) => void,
): Promise<World> {
  // Torture kills its broker, so not a running one.
  delete process.env.KAFKA_BROKERS;
  await using started = new AsyncDisposableStack();
  const stack = started.use(await startStack("torture", say, { limitsDisk: true, source, kits: [kit] }));
  if (!stack.broker) throw new Error(HOW_TO_GET[source]);
  if (!stack.disk) say("only root can mount a file system on this machine: the full-disk fault is skipped");
  const proxy = started.use(await Toxiproxy.start(stack.folder, say));
  const database = new URL(stack.environment.DATABASE_URL as string);
  database.port = String(await proxy.open(DATABASE, stack.postgres.port));
  const { broker } = stack;
  const brokerPort = Number(broker.address.split(":").at(-1));
  const listen = await proxy.open(BROKER, broker.proxied?.port ?? brokerPort, broker.proxied?.listen);

  const running: ServiceProcess[] = [];
  const isMeantToRun: boolean[] = [];
  const surprises: string[] = [];
  const startService = async (place: number, extra: Readonly<Record<string, string>> = {}) => {
    const environment = {
      ...stack.environment,
      DATABASE_URL: database.toString(),
      ...broker.environment(`127.0.0.1:${listen}`),
      STAN_CLIENT_ID: `waybill-${place}`,
      KAFKA_CLIENT_ID: `waybill-${place}`,
      STAN_ACK_WAIT_SECONDS: String(ACK_WAIT_SECONDS),
      JETSTREAM_ACK_WAIT_SECONDS: String(ACK_WAIT_SECONDS),
      ...extra,
    };
    isMeantToRun[place] = true;
    const service = await startServiceProcess(environment, join(stack.folder));
    running[place] = service;
    void service.child.ended.then((status) => {
      if (running[place] === service && isMeantToRun[place]) {
        surprises.push(`service ${place} exited unexpectedly with status ${status}`);
      }
    });
    return service;
  };
  started.defer(async () => {
    isMeantToRun.fill(false);
    await Promise.all(running.map((service) => service.child.end("SIGKILL")));
  });
  say(`starting ${services} service process${services === 1 ? "" : "es"}`);
  for (let place = 0; place < services; place++) await startService(place);
  const all = started.move();
  return {
    stack,
    proxy,
    services: running,
    startService,
    isMeantToRun,
    surprises,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

export const DATABASE = "database";
export const BROKER = "broker";

/** A pause of seconds makes the broker redeliver. */
export const ACK_WAIT_SECONDS = 2;
