/** The offsets of a topic's partitions, as the brokers and the group have them. Plain numbers: they are below 2^53. */
import { setTimeout as delay } from "node:timers/promises";
import { type Consumer, ListOffsetTimestamps } from "@platformatic/kafka";
import { isRebalance } from "./kafka-cluster.ts";

type Offsets = ReadonlyMap<number, number>;

export class KafkaOffsets {
  readonly #consumer: Consumer;
  readonly #topic: string;

  constructor(consumer: Consumer, topic: string) {
    this.#consumer = consumer;
    this.#topic = topic;
  }

  /** The first ones that the brokers still have. */
  earliest(partitions: readonly number[]): Promise<Offsets> {
    return this.#list(partitions, ListOffsetTimestamps.EARLIEST);
  }

  /** Those behind the last ones that readers may see. */
  latest(partitions: readonly number[]): Promise<Offsets> {
    return this.#list(partitions, ListOffsetTimestamps.LATEST);
  }

  /** What the group has stored; -1 where that is nothing. */
  async stored(partitions: readonly number[]): Promise<Offsets> {
    const wanted = { topic: this.#topic, partitions: [...partitions] };
    const found = (await this.#consumer.listCommittedOffsets({ topics: [wanted] })).get(this.#topic);
    return new Map(partitions.map((index) => [index, Number(found?.[index] ?? -1)]));
  }

  /**
   * Stores offsets for the group.
   * @throws where it cannot be told; as long as only the group has changed, that is tried again.
   */
  async store(offsets: Offsets): Promise<void> {
    const topic = this.#topic;
    const told = [...offsets].map(([partition, offset]) => ({
      topic,
      partition,
      offset: BigInt(offset),
      leaderEpoch: -1,
    }));
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#consumer.commit({ offsets: told });
      } catch (error) {
        // The next heartbeat brings what the group has become.
        if (attempt === ATTEMPTS_MAX || !isRebalance(error)) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  async #list(partitions: readonly number[], timestamp: bigint): Promise<Offsets> {
    if (partitions.length === 0) return new Map();
    const topic = this.#topic;
    const wanted = { topics: [topic], partitions: { [topic]: [...partitions] }, timestamp };
    const found = (await this.#consumer.listOffsets(wanted)).get(topic);
    return new Map(partitions.map((index) => [index, Number(found?.[index] ?? 0n)]));
  }
}

const RETRY_MS = 200;
const ATTEMPTS_MAX = 25;
