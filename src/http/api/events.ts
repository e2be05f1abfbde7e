/**
 * `GET /events`: server-sent events for the pages. Events are batched per tick, and only the newest of each kind are
 * sent, so each client gets a bounded number at any message rate.
 */
import type { ServerResponse } from "node:http";
import { bytes } from "../../contract/openapi.ts";
import type { Request, Route } from "../../contract/route.ts";
import type { Counts } from "../../projector/checkpoint-watch.ts";

export class EventFeed {
  readonly #watchers = new Map<ServerResponse, Pick<Request, "isStillAllowed">>();
  readonly #gathered = new Map<string, object[]>();
  readonly #heartbeatMs: number;
  #timer: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #lastCounts = "";

  /** @param heartbeatMs proxies close a connection that is silent for about a minute. */
  constructor(heartbeatMs: number = HEARTBEAT_MS) {
    this.#heartbeatMs = heartbeatMs;
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  /** @param items newest last; dropped if no client is connected. */
  publish(event: string, items: readonly object[]): void {
    if (!this.isWatched || items.length === 0) return;
    const gathered = [...(this.#gathered.get(event) ?? []), ...items.slice(-ITEMS_PER_TICK_MAX)];
    this.#gathered.set(event, gathered.slice(-ITEMS_PER_TICK_MAX));
  }

  route(readCounts: () => Promise<Readonly<Record<string, Counts>>>): Route {
    return {
      method: "GET",
      path: "/events",
      access: "reader",
      operation: {
        tags: ["operations"],
        summary: "Live events: counts, dead letters and domain events",
        responses: {
          200: bytes(
            "server-sent events: counts, deadletters, and one named after each domain",
            "text/event-stream",
          ),
        },
      },
      handle: (request, response) => {
        response.writeHead(200, {
          "content-type": "text/event-stream",
          "cache-control": "no-store",
          // Otherwise nginx buffers the stream.
          "x-accel-buffering": "no",
        });
        response.write(`retry: ${RETRY_MS}\n\n`);
        this.#watchers.set(response, request);
        this.#lastCounts = "";
        response.once("close", () => this.#leave(response));
        this.#timer ??= setInterval(() => void this.#tick(readCounts), TICK_MS);
        this.#heartbeat ??= setInterval(() => this.#beat(), this.#heartbeatMs);
      },
    };
  }

  close(): void {
    for (const watcher of this.#watchers.keys()) watcher.end();
  }

  #leave(response: ServerResponse): void {
    this.#watchers.delete(response);
    if (this.isWatched) return;
    clearInterval(this.#timer);
    clearInterval(this.#heartbeat);
    this.#timer = undefined;
    this.#heartbeat = undefined;
    this.#gathered.clear();
  }

  /** A comment keeps the connection open; streams of ended sessions close. */
  #beat(): void {
    this.#write(":\n\n");
    for (const [watcher, { isStillAllowed }] of this.#watchers) {
      // A failed check keeps the stream open.
      isStillAllowed?.().then(
        (isAllowed) => isAllowed || watcher.end(),
        () => {},
      );
    }
  }

  async #tick(readCounts: () => Promise<Readonly<Record<string, Counts>>>): Promise<void> {
    for (const [event, items] of this.#gathered) this.#send(event, items);
    this.#gathered.clear();
    // Without the database the page keeps the last counts.
    const counts = await readCounts().catch(() => undefined);
    const text =
      counts && JSON.stringify(counts, (_key, value) => (typeof value === "bigint" ? Number(value) : value));
    if (text === undefined || text === this.#lastCounts) return;
    this.#lastCounts = text;
    this.#send("counts", text);
  }

  #send(event: string, data: string | readonly object[]): void {
    this.#write(`event: ${event}\ndata: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
  }

  #write(text: string): void {
    for (const watcher of this.#watchers.keys()) {
      // The browser of a slow reader reconnects and gets current counts.
      if (watcher.writableLength > BACKLOG_BYTES_MAX) watcher.destroy();
      else watcher.write(text);
    }
  }
}

const TICK_MS = 500;
const HEARTBEAT_MS = 15_000;
const RETRY_MS = 2_000;
const ITEMS_PER_TICK_MAX = 20;
const BACKLOG_BYTES_MAX = 1024 * 1024;
