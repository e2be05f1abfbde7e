/**
 * One node, broker and controller (KRaft). A running broker in KAFKA_BROKERS may have other users: it is never
 * stopped or wiped, and gets a new topic and group.
 */
import { randomUUID } from "node:crypto";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Broker } from "./broker.ts";
import { type Child, startChild, waitUntilReady } from "./child.ts";
import { runGuarded } from "./guard.ts";
import { BRIEF, findProgram, KAFKA_CLUSTER_ID, KAFKA_VERSION, type KafkaProgram } from "./kafka-program.ts";
import { freePort, isOpen } from "./ports.ts";

export type KafkaSettings = Readonly<{
  properties?: Readonly<Record<string, string>>;
  /** Named after its protocol. */
  listener?: Readonly<{ protocol: "SASL_SSL" | "SASL_PLAINTEXT" | "SSL"; port: number }>;
  /** A first node, which stays the controller. */
  beside?: Kafka;
  /** By default 1, or 2 beside another node. */
  node?: number;
  /** Short-lived: Java compiles little. */
  isBrief?: boolean;
  /** As for `kafka-storage format --add-scram`. */
  scram?: readonly string[];
}>;

type Ports = Readonly<{ clients: number; controller: number; proxied: number; proxy: number }>;

export class Kafka implements Broker {
  readonly kind = "kafka";
  readonly #program: KafkaProgram;
  readonly #folder: string;
  readonly #ports: Ports;
  readonly #settings: KafkaSettings;
  readonly #ownName = `waybill-${randomUUID()}`;
  #child: Child | undefined;

  private constructor(program: KafkaProgram, folder: string, ports: Ports, settings: KafkaSettings) {
    this.#program = program;
    this.#folder = folder;
    this.#ports = ports;
    this.#settings = settings;
  }

  /** @returns undefined if it is not available. */
  static async find(
    folder: string,
    say: (text: string) => void,
    settings: KafkaSettings = {},
  ): Promise<Kafka | undefined> {
    const program = await findProgram(say);
    if (!program) return undefined;
    say(`starting Kafka (${program.kind === "running" ? program.address : program.kind})`);
    const ports = {
      clients: await freePort(),
      controller: await freePort(),
      proxied: await freePort(),
      proxy: await freePort(),
    };
    const broker = new Kafka(program, folder, ports, settings);
    await broker.wipe();
    await broker.start();
    return broker;
  }

  static at(address: string): Kafka {
    return new Kafka(
      { kind: "running", address },
      "",
      { clients: 0, controller: 0, proxied: 0, proxy: 0 },
      {},
    );
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get address(): string {
    return this.#program.kind === "running" ? this.#program.address : `127.0.0.1:${this.#ports.clients}`;
  }

  /** Behind a proxy, a broker must advertise the proxy's address. */
  get proxied() {
    return { port: this.#ports.proxied, listen: this.#ports.proxy };
  }

  environment(address = this.address): Record<string, string> {
    return {
      KAFKA_BROKERS: address,
      KAFKA_CREATE_TOPIC: String(PARTITIONS),
      KAFKA_CLIENT_ID: "waybill",
      ...(this.#program.kind === "running"
        ? {
            KAFKA_TOPIC: this.#ownName,
            KAFKA_GROUP_ID: this.#ownName,
            OUTBOX_TRANSACTIONAL_ID: this.#ownName,
          }
        : {}),
    };
  }

  async start(): Promise<void> {
    if (this.#program.kind === "running") {
      if (await answers(this.address)) return;
      throw new Error(`no Kafka broker answers at ${this.address}, which KAFKA_BROKERS names`);
    }
    const logFile = join(this.#folder, "kafka.log");
    const [command, args] = this.#commandLine(this.#program);
    const child = startChild(command, args, { logFile });
    this.#child = child;
    const isServing = async () => (await isOpen(this.#ports.clients)) && (await answers(this.address));
    await waitUntilReady(child, `Kafka (see ${logFile})`, isServing);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#child?.end(signal);
  }

  /** Like a hanging machine; connections stay open. */
  pause(): void {
    this.#child?.signal("SIGSTOP");
  }

  resume(): void {
    this.#child?.signal("SIGCONT");
  }

  async waitForBrokers(count: number): Promise<void> {
    const child = this.#child;
    if (!child) return;
    await waitUntilReady(child, `${count} Kafka brokers`, () => answers(this.address, count));
  }

  async wipe(): Promise<void> {
    if (this.#program.kind === "running") return;
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true });
    const file = join(this.#folder, "server.properties");
    await writeFile(file, this.#properties());
    if (this.#program.kind !== "java") return;
    const { classPath, prepared } = this.#program;
    const { scram = [], beside } = this.#settings;
    // Saves a start of Java.
    if (prepared && scram.length === 0 && !beside) {
      await cp(prepared.log, join(this.#folder, "log"), { recursive: true });
      return;
    }
    const users = scram.flatMap((user) => ["--add-scram", user]);
    const format = ["kafka.tools.StorageTool", "format", "-t", KAFKA_CLUSTER_ID, "-c", file, ...users];
    const args = [...BRIEF, ...(prepared?.flags ?? []), "-cp", classPath, ...format];
    const { status, stdout, stderr } = await runGuarded("java", args);
    if (status !== 0) throw new Error(`Kafka's log folder could not be formatted: ${stderr}${stdout}`);
  }

  #properties(): string {
    const { clients, proxied, proxy } = this.#ports;
    const { listener, beside } = this.#settings;
    const { controller } = (beside ?? this).#ports;
    const local = (port: number) => `127.0.0.1:${port}`;
    const more = listener ? [`${listener.protocol}://${local(listener.port)}`] : [];
    const lines = {
      "process.roles": beside ? "broker" : "broker,controller",
      "node.id": String(this.#settings.node ?? (beside ? 2 : 1)),
      "controller.quorum.voters": `1@${local(controller)}`,
      listeners: [
        `PLAINTEXT://${local(clients)}`,
        `PROXIED://${local(proxied)}`,
        ...(beside ? [] : [`CONTROLLER://${local(controller)}`]),
        ...more,
      ],
      "advertised.listeners": [`PLAINTEXT://${local(clients)}`, `PROXIED://${local(proxy)}`, ...more],
      "controller.listener.names": "CONTROLLER",
      "listener.security.protocol.map": [
        ...["CONTROLLER", "PLAINTEXT", "PROXIED"].map((name) => `${name}:PLAINTEXT`),
        ...(listener ? [`${listener.protocol}:${listener.protocol}`] : []),
      ],
      // A broker ends itself if it could not register in time, by default in a minute: too short for a busy machine.
      "initial.broker.registration.timeout.ms": "600000",
      "log.dirs": join(this.#folder, "log"),
      "offsets.topic.replication.factor": "1",
      "offsets.topic.num.partitions": "1",
      "transaction.state.log.replication.factor": "1",
      "transaction.state.log.min.isr": "1",
      "transaction.state.log.num.partitions": "1",
      "group.initial.rebalance.delay.ms": "0",
      "auto.create.topics.enable": "false",
      // A too large message must reach the service, to become a dead letter.
      "message.max.bytes": String(8 * 1024 * 1024),
      // Reassigns a killed service's partitions soon.
      "group.consumer.min.session.timeout.ms": String(SESSION_SECONDS * 1000),
      "group.consumer.session.timeout.ms": String(SESSION_SECONDS * 1000),
      "group.consumer.min.heartbeat.interval.ms": "1000",
      "group.consumer.heartbeat.interval.ms": "1000",
      ...this.#settings.properties,
    };
    const text = Object.entries(lines).map(
      ([name, value]) => `${name}=${value}
`,
    );
    return text.join("");
  }

  #commandLine(program: Exclude<KafkaProgram, { kind: "running" }>): [string, string[]] {
    const file = join(this.#folder, "server.properties");
    if (program.kind === "java") {
      const quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
      const flags = [
        HEAP,
        quiet,
        ...(this.#settings.isBrief ? BRIEF : []),
        ...(program.prepared?.flags ?? []),
      ];
      return ["java", [...flags, "-cp", program.classPath, "kafka.Kafka", file]];
    }
    const mounts = [
      "-v",
      `${this.#folder}:${this.#folder}`,
      "--network",
      "host",
      "-u",
      String(process.getuid?.() ?? 0),
    ];
    const script = `/opt/kafka/bin/kafka-storage.sh format --ignore-formatted -t ${KAFKA_CLUSTER_ID} -c ${file} && exec /opt/kafka/bin/kafka-server-start.sh ${file}`;
    return [
      "docker",
      ["run", "--rm", ...mounts, "--entrypoint", "sh", `apache/kafka:${KAFKA_VERSION}`, "-c", script],
    ];
  }
}

async function answers(address: string, brokersMin = 1): Promise<boolean> {
  // Takes half a second to import.
  const { Admin } = await import("@platformatic/kafka");
  const admin = new Admin({
    clientId: "waybill-stack",
    bootstrapBrokers: address.split(","),
    retries: 0,
    connectTimeout: 1_000,
  });
  // It accepts connections before it works; the list of topics needs a controller.
  return await admin
    .metadata({ topics: [] })
    .then(({ controllerId, brokers }) => controllerId >= 0 && brokers.size >= brokersMin)
    .catch(() => false)
    .finally(() => admin.close().catch(() => {}));
}

/** Session of a silent member. */
export const SESSION_SECONDS = 6;

const HEAP = "-Xmx768m";
const PARTITIONS = 3;
