/**
 * One Redis server of a cache. A command is answered in bounded time or fails, at once if the server is unavailable or
 * hangs. The client reconnects in the background.
 */
import type { RedisClientType } from "@redis/client";

export class Shard {
  /** Host and port: a new password does not move keys. */
  readonly name: string;
  readonly #url: string;
  #client: RedisClientType | undefined;
  #isClosed = false;
  /** Commands beyond their timeout without an answer. */
  #unanswered = 0;

  constructor(url: string) {
    this.name = new URL(url).host;
    this.#url = url;
  }

  /** Starts to connect; reconnects after a loss. */
  async connect(): Promise<void> {
    // Loaded by services only: the library is large.
    const { createClient } = await import("@redis/client");
    if (this.#isClosed || this.#client) return;
    const client: RedisClientType = createClient({
      url: this.#url,
      // Fail commands without a connection.
      disableOfflineQueue: true,
      // Pings keep an idle connection alive; if the server hangs, it times out.
      pingInterval: PING_INTERVAL_MS,
      socket: {
        connectTimeout: CONNECT_TIMEOUT_MS,
        socketTimeout: SILENCE_MAX_MS,
        reconnectStrategy: (attempt) =>
          Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** attempt) * (0.5 + Math.random() / 2),
      },
    });
    // Failed attempts are retried.
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

/** About a hundred times a normal answer, a tenth of a product call. */
const ANSWER_TIMEOUT_MS = 100;
const CONNECT_TIMEOUT_MS = 1_000;
const PING_INTERVAL_MS = 2_000;
/** Longer than a ping interval, or idle connections would end. */
const SILENCE_MAX_MS = 6_000;
const RECONNECT_MIN_MS = 50;
/** Longest time until a restarted server is used. */
const RECONNECT_MAX_MS = 2_000;
