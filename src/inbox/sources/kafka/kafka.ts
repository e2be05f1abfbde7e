/**
 * Kafka: records of one topic enter through a consumer group, whose committed offset follows the inbox. While a record
 * waits for room, nothing more is fetched. If the broker or the membership is lost, a new session reads from the
 * committed offset, and the inbox recognises what it has.
 *
 * The library keeps connections and membership; this folder decides which offsets are read and committed, because the
 * inbox decides it. From top to bottom:
 *
 *   kafka.ts          the source: one session after the other
 *   session.ts        one membership: assigned partitions, committed offsets (entry: `openKafkaSession`)
 *   reader.ts         one fetch in flight to each leader; explains why the library's streams are not used
 *   partition.ts      one partition: the next offset, waiting records, the offset that may be committed
 *   partition-log.ts  requests about a partition's log: leaders, records, offsets
 *   client-id.ts      detects another process with the same client id
 *   records.ts        converts fetched records to messages
 *   cluster.ts        options, topic, errors; src/kafka/ connects
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Health, Sink, Source } from "../../../contract/source.ts";
import { guardSecondErrors } from "../../../kafka/connection.ts";
import { keepConnected } from "../keep-connected.ts";
import type { KafkaOptions } from "./cluster.ts";
import { type KafkaSession, openKafkaSession } from "./session.ts";

export type { KafkaOptions } from "./cluster.ts";

export class KafkaSource implements Source {
  readonly name = "kafka";
  readonly channel: string;
  readonly #options: KafkaOptions;
  readonly #stop = new AbortController();
  #health: Health = { connected: false, reason: "not connected yet" };
  #running: Promise<void> = Promise.resolve();
  #session: KafkaSession | undefined;
  #knownTopicId: string | undefined;

  constructor(options: KafkaOptions) {
    this.#options = options;
    this.channel = options.topic;
  }

  get health(): Health {
    return this.#health;
  }

  get lag(): number | undefined {
    return this.#session?.lag;
  }

  start(inbox: Sink): void {
    const guard = guardSecondErrors();
    this.#running = keepConnected((onConnected) => this.#open(inbox, onConnected), {
      source: this.name,
      channel: this.channel,
      signal: this.#stop.signal,
      logger: this.#options.logger,
      onState: (health) => {
        this.#health = health;
      },
    }).finally(() => guard[Symbol.dispose]());
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#session?.stop();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#session?.close();
    // An opening session has taken nothing.
    await Promise.race([this.#running, delay(CLOSE_TIMEOUT_MS)]);
  }

  async #open(inbox: Sink, onConnected: () => void): Promise<void> {
    const session = await openKafkaSession(this.#options, inbox, this.#knownTopicId);
    try {
      if (this.#stop.signal.aborted) return;
      this.#session = session;
      this.#knownTopicId = session.topicId;
      onConnected();
      await session.ended;
    } finally {
      this.#session = undefined;
      // Before the next session begins: this one may still commit an offset.
      await session.close();
    }
  }
}

const CLOSE_TIMEOUT_MS = 1_000;
