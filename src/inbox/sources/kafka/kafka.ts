/**
 * Kafka: the records of one topic enter through a consumer group, and the offset that the group stores follows the
 * inbox. A record that finds no room waits here in its order, and nothing more is read meanwhile. Every
 * loss of the broker or of the membership ends in a new session, for as long as it takes; the new one reads again from
 * the stored offset, and the inbox recognises what it has.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Sink, Source } from "../../../contract/source.ts";
import { backoffMilliseconds } from "../../../database/backoff.ts";
import type { KafkaOptions } from "./kafka-cluster.ts";
import { KafkaSession } from "./kafka-session.ts";

export class KafkaSource implements Source {
  readonly name = "kafka";
  readonly channel: string;
  readonly #options: KafkaOptions;
  #inbox: Sink | undefined;
  #session: KafkaSession | undefined;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #attempt = 0;
  #isStopping = false;
  #isClosed = false;
  #reason: string | undefined = "not connected yet";
  #knownTopicId: string | undefined;

  constructor(options: KafkaOptions) {
    this.#options = options;
    this.channel = options.topic;
  }

  get health() {
    return this.#reason === undefined ? { connected: true } : { connected: false, reason: this.#reason };
  }

  get lag(): number | undefined {
    return this.#session?.lag;
  }

  start(inbox: Sink): void {
    this.#inbox = inbox;
    this.#open();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#retry);
    this.#session?.stop();
  }

  async close(): Promise<void> {
    await this.stop();
    // A broker that does not answer is not waited for: there is nothing that it would have to be told.
    await Promise.race([this.#opening, delay(CLOSE_TIMEOUT_MS)]);
    this.#isClosed = true;
    this.#reason = "closed";
    await this.#session?.close();
    this.#session = undefined;
    await this.#closing;
  }

  #open(): void {
    this.#opening = this.#tryToOpen().finally(() => {
      this.#opening = undefined;
    });
  }

  async #tryToOpen(): Promise<void> {
    // The session before has to be gone: it may still be storing an offset.
    await this.#closing;
    if (this.#isStopping) return;
    const { topic, logger } = this.#options;
    try {
      const session = await KafkaSession.open(this.#options, this.#inbox as Sink, this.#knownTopicId);
      if (this.#isClosed) return await session.close();
      this.#session = session;
      this.#knownTopicId = session.log.topicId;
      if (this.#isStopping) return session.stop();
      this.#attempt = 0;
      this.#reason = undefined;
      logger.info({ source: this.name, channel: topic }, "joined the group");
      session.onLost((cause) => this.#lose(cause));
    } catch (error) {
      this.#lose(error);
    }
  }

  #lose(cause: unknown): void {
    const session = this.#session;
    this.#session = undefined;
    this.#reason = describe(cause);
    if (session) this.#closing = session.close();
    if (this.#isStopping) return;
    const waitMilliseconds = Math.round(backoffMilliseconds(this.#attempt++));
    const context = { source: this.name, attempt: this.#attempt, waitMilliseconds, reason: this.#reason };
    this.#options.logger.warn(context, "the broker is away; connecting again");
    this.#retry = setTimeout(() => this.#open(), waitMilliseconds);
  }
}

/** The innermost causes: around them the library says only how often it has tried. They name hosts, never secrets. */
function describe(cause: unknown, depth = 0): string {
  if (!(cause instanceof Error)) return String(cause);
  if (depth === CAUSES_MAX) return cause.message;
  if (cause instanceof AggregateError) {
    const causes = cause.errors.filter(Boolean).map((error) => describe(error, depth + 1));
    return [...new Set(causes)].join("; ") || cause.message;
  }
  return cause.cause instanceof Error
    ? `${cause.message}: ${describe(cause.cause, depth + 1)}`
    : cause.message;
}

/** An error may be among its own causes. */
const CAUSES_MAX = 4;
const CLOSE_TIMEOUT_MS = 1_000;
