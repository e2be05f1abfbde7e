/**
 * NATS Streaming: messages of one channel enter through a durable queue subscription and are acknowledged after the
 * commit. The server redelivers a message that found no room (`session.ts`). After a disconnect a new client subscribes
 * under the same durable name.
 */
import type { Health, Sink, SkippedRange, Source } from "../../../contract/source.ts";
import { keepConnected } from "../keep-connected.ts";
import { type NatsServer, natsServers } from "../nats-servers.ts";
import { type NatsStreamingOptions, Session } from "./session.ts";
import { readSkipped } from "./skipped.ts";
import { assertInternals } from "./stan-internals.ts";

export type { NatsStreamingOptions } from "./session.ts";

export class NatsStreamingSource implements Source {
  readonly name = "nats-streaming";
  readonly channel: string;
  readonly #options: NatsStreamingOptions;
  readonly #servers: readonly NatsServer[];
  readonly #stop = new AbortController();
  #health: Health = { connected: false, reason: "not connected yet" };
  #session: Session | undefined;
  #inbox: Sink | undefined;
  /** Each attempt tries the next server. */
  #attempts = 0;
  #running: Promise<void> = Promise.resolve();

  /** @throws Error if the library's internals differ. */
  constructor(options: NatsStreamingOptions) {
    assertInternals();
    this.#options = options;
    this.#servers = natsServers(options.url);
    this.channel = options.channel;
  }

  get health(): Health {
    return this.#health;
  }

  start(inbox: Sink): void {
    this.#inbox = inbox;
    this.#running = keepConnected((onConnected) => this.#open(inbox, onConnected), {
      source: this.name,
      channel: this.channel,
      signal: this.#stop.signal,
      logger: this.#options.logger,
      onState: (health) => {
        this.#health = health;
      },
    });
  }

  readSkipped(range: SkippedRange): Promise<number> | undefined {
    const server = this.#servers[Math.max(0, this.#attempts - 1) % this.#servers.length] as NatsServer;
    return this.#inbox && readSkipped(server, this.#options, range, this.#inbox, this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#session?.stop();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#session?.close();
    await this.#running;
  }

  async #open(inbox: Sink, onConnected: () => void): Promise<void> {
    const { logger, channel } = this.#options;
    let subscriptions = 0;
    const server = this.#servers[this.#attempts++ % this.#servers.length] as NatsServer;
    const session = new Session(server, this.#options, inbox, () => {
      if (++subscriptions === 1) onConnected();
      else logger.debug({ source: this.name, channel }, "resubscribed: there is room for dropped messages");
    });
    this.#session = session;
    try {
      await session.ended;
    } finally {
      this.#session = undefined;
    }
  }
}
