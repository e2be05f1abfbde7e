/**
 * Kafka transport of the outbox: each batch is one transaction of a producer with a fixed transactional id.
 *
 *   open:  find the coordinator ─▶ InitProducerId: a new epoch; the earlier one's transaction is aborted
 *   send:  AddPartitionsToTxn ─▶ one Produce to each leader, acks all ─▶ all acknowledged ─▶ EndTxn (commit)
 *
 * A paused relay has an older epoch: brokers refuse its records, and it cannot commit. The library's Producer is not used:
 * it sends InitProducerId with producer id 0, which fences a restarted process; it uses AddPartitionsToTxn versions that
 * only brokers may send on a cluster with ACLs; and it hides which partition refused a record.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  Admin,
  addPartitionsToTxnV3,
  type Broker,
  type Connection,
  ConnectionPool,
  endTxnV3,
  FindCoordinatorKeyTypes,
  findCoordinatorV4,
  findErrorBy,
  initProducerIdV4,
  murmur2,
  NetworkError,
  NumericMap,
  ProduceAcks,
  produceV9,
} from "@platformatic/kafka";
import type { OutboxConfig } from "../config/sources.ts";
import { guardSecondErrors, kafkaConnection } from "../kafka/connection.ts";
import { type Cluster, findTopic } from "../kafka/find-topic.ts";
import type { WaitingEvent } from "./outbox-table.ts";
import { RefusedError, type Transport, type TransportSession } from "./transport.ts";

type Outgoing = Readonly<{ event: WaitingEvent; topic: string; partition: number }>;

export class KafkaTransport implements Transport {
  readonly #config: OutboxConfig;
  readonly #guard = guardSecondErrors();

  constructor(config: OutboxConfig) {
    this.#config = config;
  }

  async open(): Promise<TransportSession> {
    const session = new KafkaSession(this.#config);
    try {
      await within(SEND_TIMEOUT_MS, session.begin());
      return session;
    } catch (error) {
      await session[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#guard[Symbol.dispose]();
  }
}

class KafkaSession implements TransportSession {
  readonly #config: OutboxConfig;
  readonly #admin: Admin;
  readonly #connections: ConnectionPool;
  /** By partition; brokers detect duplicates by them. */
  readonly #sequences = new NumericMap();
  #brokers: Broker[] = [];
  #coordinator: Broker | undefined;
  #producer: Readonly<{ producerId: bigint; producerEpoch: number }> = NONE;
  #isClosed = false;

  constructor(config: OutboxConfig) {
    this.#config = config;
    // Random order: a hanging broker still accepts connections.
    const brokers = shuffled(config.brokers);
    const connection = { ...kafkaConnection({ ...config, brokers }), requestTimeout: REQUEST_TIMEOUT_MS };
    this.#admin = new Admin(connection);
    this.#connections = new ConnectionPool(config.clientId, connection);
  }

  /** Fences earlier sessions. */
  async begin(): Promise<void> {
    const { brokers } = await this.#admin.metadata({ topics: [], forceUpdate: true });
    this.#brokers = shuffled([...brokers.values()]);
    // An earlier session's id and epoch would continue that session.
    this.#producer = await this.#askCoordinator((coordinator) =>
      initProducerIdV4.api.async(
        coordinator,
        this.#config.transactionalId,
        TRANSACTION_TIMEOUT_MS,
        NONE.producerId,
        NONE.producerEpoch,
      ),
    );
  }

  send(domain: string, events: readonly WaitingEvent[]): Promise<void> {
    return within(SEND_TIMEOUT_MS, this.#send(domain, events));
  }

  async #send(domain: string, events: readonly WaitingEvent[]): Promise<void> {
    const topics = [...new Set(events.map(({ topic }) => topic))];
    const clusters = new Map<string, Cluster>();
    for (const topic of topics) {
      if (!LEGAL_TOPIC.test(topic)) {
        throw new RefusedError(
          "INVALID_TOPIC_EXCEPTION",
          events.filter((event) => event.topic === topic),
        );
      }
      clusters.set(topic, await findTopic(this.#admin, topic, this.#config.newTopicPartitions));
    }
    const outgoing = events.map((event): Outgoing => {
      const partitions = clusters.get(event.topic)?.topics.get(event.topic)?.partitionsCount ?? 1;
      return { event, topic: event.topic, partition: partitionOf(event.key, partitions) };
    });
    await this.#addPartitions(outgoing);
    const byLeader = Map.groupBy(outgoing, ({ topic, partition }) => {
      const leader = clusters.get(topic)?.topics.get(topic)?.partitions[partition]?.leader;
      return clusters.get(topic)?.brokers.get(leader ?? -1);
    });
    const answers = await Promise.allSettled(
      [...byLeader].map(async ([leader, share]) => {
        if (!leader) throw new Error("a partition has no leader");
        await this.#produce(domain, await this.#connections.get(leader), share);
      }),
    );
    for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
    await this.#commit();
    for (const { topic, partition } of outgoing) {
      const name = `${topic}:${partition}`;
      this.#sequences.set(name, (this.#sequences.getWithDefault(name, 0) + 1) % SEQUENCES);
    }
  }

  async #addPartitions(outgoing: readonly Outgoing[]): Promise<void> {
    const byTopic = Map.groupBy(outgoing, ({ topic }) => topic);
    const topics = [...byTopic].map(([name, share]) => ({
      name,
      partitions: [...new Set(share.map(({ partition }) => partition))],
    }));
    const { transactionalId } = this.#config;
    await this.#askCoordinator((coordinator) =>
      addPartitionsToTxnV3.api.async(coordinator, [
        { transactionalId, ...this.#producer, topics, verifyOnly: false },
      ]),
    );
  }

  async #produce(domain: string, leader: Connection, outgoing: readonly Outgoing[]): Promise<void> {
    const records = outgoing.map(({ event, topic, partition }) => ({
      topic,
      partition,
      key: Buffer.from(event.key),
      value: event.payload,
      headers: headersOf(domain, event),
    }));
    const { producerId, producerEpoch } = this.#producer;
    try {
      await produceV9.api.async(leader, ProduceAcks.ALL, PRODUCE_TIMEOUT_MS, records, {
        transactionalId: this.#config.transactionalId,
        producerId,
        producerEpoch,
        sequences: this.#sequences,
        compression: "none",
      });
    } catch (error) {
      throw refusalOf(error, outgoing) ?? error;
    }
  }

  /** Idempotent. */
  async #commit(): Promise<void> {
    const { producerId, producerEpoch } = this.#producer;
    await this.#askCoordinator((coordinator) =>
      endTxnV3.api.async(coordinator, this.#config.transactionalId, producerId, producerEpoch, true),
    );
  }

  /**
   * Retries while the coordinator is busy, moving or unreachable; it is busy for milliseconds after each transaction. The
   * batch's timeout limits the retries.
   */
  async #askCoordinator<T>(request: (coordinator: Connection) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        this.#coordinator ??= await this.#findCoordinator();
        return await request(await this.#connections.get(this.#coordinator));
      } catch (error) {
        if (this.#isClosed || !isTransient(error)) throw error;
        if (!isAnswer(error, "CONCURRENT_TRANSACTIONS")) this.#coordinator = undefined;
        await delay(Math.min(RETRY_MS * 2 ** attempt, RETRY_MS_MAX));
      }
    }
  }

  async #findCoordinator(): Promise<Broker> {
    const any = await this.#connections.getFirstAvailable(this.#brokers);
    const { transactionalId } = this.#config;
    const found = await findCoordinatorV4.api.async(any, FindCoordinatorKeyTypes.TRANSACTION, [
      transactionalId,
    ]);
    const [coordinator] = found.coordinators;
    if (!coordinator) throw new Error("the transactional id has no coordinator");
    return coordinator;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const closing = Promise.all([this.#connections.close(), this.#admin.close()]).catch(() => {});
    await Promise.race([closing, delay(DISCONNECT_TIMEOUT_MS)]);
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}

/** Kafka's default partitioner: all clients use one partition for a key. */
function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}

function headersOf(domain: string, { position, ordinal, headers }: WaitingEvent): Map<Buffer, Buffer> {
  const all = { ...headers, "message-id": `${domain}/${position}/${ordinal}` };
  return new Map(Object.entries(all).map(([name, text]) => [Buffer.from(name), Buffer.from(text)]));
}

function refusalOf(error: unknown, outgoing: readonly Outgoing[]): RefusedError | undefined {
  const { response } = error as { response?: produceV9.ProduceResponse };
  for (const { name, partitionResponses } of response?.responses ?? []) {
    for (const { index, errorCode, recordErrors } of partitionResponses) {
      const reason = REFUSALS.get(errorCode);
      if (reason === undefined) continue;
      const batch = outgoing.filter(({ topic, partition }) => topic === name && partition === index);
      const [named] = recordErrors.flatMap(({ batchIndex }) => batch[batchIndex] ?? []);
      return new RefusedError(
        reason,
        (named ? [named] : batch).map(({ event }) => event),
      );
    }
  }
  return undefined;
}

function isTransient(error: unknown): boolean {
  return (
    TRANSIENT.some((id) => isAnswer(error, id)) ||
    findErrorBy(error as Error, "code", NetworkError.code) !== null
  );
}

function isAnswer(error: unknown, apiId: string): boolean {
  return findErrorBy(error as Error, "apiId", apiId) !== null;
}

/** @throws Error on timeout; the work continues, its result is dropped. */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = delay(milliseconds, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`Kafka did not answer within ${milliseconds} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    work.catch(() => {});
    late.catch(() => {});
    timer.abort();
  }
}

/**
 * Errors of the events themselves, which a retry cannot fix. All others are faults, also a missing topic or permission:
 * they affect all events of a topic, and after the fix no event needs a release.
 * Source: Kafka protocol guide, "Error Codes".
 */
const REFUSALS: ReadonlyMap<number, string> = new Map([
  [10, "MESSAGE_TOO_LARGE"],
  [17, "INVALID_TOPIC_EXCEPTION"],
  [18, "RECORD_LIST_TOO_LARGE"],
  [32, "INVALID_TIMESTAMP"],
  [87, "INVALID_RECORD"],
]);

const TRANSIENT = [
  "CONCURRENT_TRANSACTIONS",
  "COORDINATOR_LOAD_IN_PROGRESS",
  "COORDINATOR_NOT_AVAILABLE",
  "NOT_COORDINATOR",
];

/** Source: Kafka's Topic.java. */
const LEGAL_TOPIC = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;
const NONE = { producerId: -1n, producerEpoch: -1 };
/** They wrap to 0 after the largest 32-bit integer. */
const SEQUENCES = 2 ** 31;

/** Shorter than a relay's turn, so that two relays do not send the same events. */
const SEND_TIMEOUT_MS = 8_000;
/** Leaves time for a second attempt at another broker. */
const REQUEST_TIMEOUT_MS = 4_000;
const PRODUCE_TIMEOUT_MS = 3_500;
/** Then the broker aborts a dead relay's transaction, for which consumers wait. */
const TRANSACTION_TIMEOUT_MS = 10_000;
const DISCONNECT_TIMEOUT_MS = 500;
/** Transaction markers are written within milliseconds. */
const RETRY_MS = 2;
const RETRY_MS_MAX = 200;
