/**
 * One Redis server of a cache. A command has its answer in bounded time or fails; while the server is away or hangs, it
 * fails at once. The connection comes back in the background.
 */
import type { RedisClientType } from "@redis/client";

export class Shard {
  /** Host and port: another password does not make it another shard. */
  readonly name: string;
  readonly #url: string;
  #client: RedisClientType | undefined;
  #isClosed = false;
  /** Commands that got no answer in time and have none yet. */
  #unanswered = 0;

  constructor(url: string) {
    this.name = new URL(url).host;
    this.#url = url;
  }

  /** Begins to connect, and connects again whenever the connection is lost. */
  async connect(): Promise<void> {
    // The library is large, and only services need it.
    const { createClient } = await import("@redis/client");
    if (this.#isClosed || this.#client) return;
    const client: RedisClientType = createClient({
      url: this.#url,
      // Without a connection a command fails, and is not kept for later.
      disableOfflineQueue: true,
      // A server that hangs answers no ping, and after that nothing moves on the connection until it times out.
      pingInterval: PING_INTERVAL_MS,
      socket: {
        connectTimeout: CONNECT_TIMEOUT_MS,
        socketTimeout: SILENCE_MAX_MS,
        reconnectStrategy: (attempt) =>
          Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** attempt) * (0.5 + Math.random() / 2),
      },
    });
    // Every failed attempt is one, and it will be tried again.
    client.on("error", () => {});
    this.#client = client;
    client.connect().catch(() => {});
  }

  close(): void {
    this.#isClosed = true;
    const client = this.#client;
    this.#client = undefined;
    if (client?.isOpen) client.destroy();
  }

  /** @throws if there is no connection, or no answer in time. */
  async run<T>(command: (client: RedisClientType) => Promise<T>): Promise<T> {
    const client = this.#client;
    if (!client?.isReady) throw new Error("the cache server is not connected");
    if (this.#unanswered > 0) throw new Error("the cache server does not answer");
    const answer = command(client);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.#unanswered += 1;
      const answered = () => {
        this.#unanswered -= 1;
      };
      answer.then(answered, answered);
      reject(new Error("the cache server does not answer in time"));
    }, ANSWER_TIMEOUT_MS);
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A hundred times what an answer takes, and a tenth of what the product service may take. */
const ANSWER_TIMEOUT_MS = 100;
const CONNECT_TIMEOUT_MS = 1_000;
const PING_INTERVAL_MS = 2_000;
/** Longer than the time between two pings, or idle connections would end. */
const SILENCE_MAX_MS = 6_000;
const RECONNECT_MIN_MS = 50;
/** A server that comes back is used again within this time. */
const RECONNECT_MAX_MS = 2_000;
