/**
 * A Kafka cluster of three brokers, as one would run it: every record is on all three (replication 3) and acknowledged
 * when two have it (`min.insync.replicas` 2), so one broker may die. The first node is the controller beside that; the
 * other two are the ones to kill, to pause and to start again.
 */
import { join } from "node:path";
import { Kafka } from "./kafka.ts";

export class KafkaCluster implements AsyncDisposable {
  readonly brokers: readonly [Kafka, Kafka, Kafka];

  private constructor(brokers: readonly [Kafka, Kafka, Kafka]) {
    this.brokers = brokers;
  }

  /** @returns undefined if Kafka cannot be had. */
  static async start(folder: string, say: (text: string) => void): Promise<KafkaCluster | undefined> {
    await using started = new AsyncDisposableStack();
    const start = async (node: number, beside?: Kafka) => {
      const broker = await Kafka.find(join(folder, `broker-${node}`), say, {
        properties: PROPERTIES,
        node,
        isBrief: true,
        ...(beside ? { beside } : {}),
      });
      if (broker) started.defer(() => broker.stop("SIGKILL"));
      return broker;
    };
    const first = await start(1);
    // One that runs already is no cluster of three.
    if (!first?.pid) return undefined;
    const [second, third] = await Promise.all([start(2, first), start(3, first)]);
    if (!second || !third) return undefined;
    await first.waitForBrokers(3);
    started.move();
    return new KafkaCluster([first, second, third]);
  }

  /** What KAFKA_BROKERS and OUTBOX_KAFKA_BROKERS are set to. */
  get address(): string {
    return this.brokers.map(({ address }) => address).join();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The controller last: a broker asks it before it ends.
    for (const broker of this.brokers.toReversed()) await broker.stop("SIGKILL");
  }
}

/** A dead broker is noticed within seconds, so that tests need not wait for the nine of the default. */
const PROPERTIES = {
  "default.replication.factor": "3",
  "min.insync.replicas": "2",
  "offsets.topic.replication.factor": "3",
  "transaction.state.log.replication.factor": "3",
  "transaction.state.log.min.isr": "2",
  "broker.session.timeout.ms": "2000",
  "broker.heartbeat.interval.ms": "500",
} as const;
