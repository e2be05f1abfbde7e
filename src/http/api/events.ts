/**
 * `GET /events`: server-sent events for pages. However fast messages flow, each watcher gets a bounded
 * number of events: what happened is gathered between two ticks, and of many of one kind the newest are shown.
 */
import type { ServerResponse } from "node:http";
import { bytes } from "../../contract/openapi.ts";
import type { Route } from "../../contract/route.ts";
import type { Counts } from "../../projector/checkpoint-watch.ts";

export class EventFeed {
  readonly #watchers = new Set<ServerResponse>();
  readonly #gathered = new Map<string, object[]>();
  readonly #readCounts: () => Promise<Record<string, Counts>>;
  #timer: NodeJS.Timeout | undefined;
  #lastCounts = "";

  constructor(readCounts: () => Promise<Record<string, Counts>>) {
    this.#readCounts = readCounts;
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  /** Shows items to whoever watches, at the next tick; the newest come last. */
  announce(event: string, items: readonly object[]): void {
    if (!this.isWatched || items.length === 0) return;
    const gathered = [...(this.#gathered.get(event) ?? []), ...items.slice(-ITEMS_PER_TICK_MAX)];
    this.#gathered.set(event, gathered.slice(-ITEMS_PER_TICK_MAX));
  }

  readonly route: Route = {
    method: "GET",
    path: "/events",
    access: "operator",
    operation: {
      tags: ["operations"],
      summary: "Counts, dead letters and what domains announce, as they happen",
      responses: {
        200: bytes(
          "server-sent events: counts, deadletters, and one named after each domain",
          "text/event-stream",
        ),
      },
    },
    handle: (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write(`retry: ${RETRY_MS}\n\n`);
      this.#watchers.add(response);
      this.#lastCounts = "";
      response.once("close", () => this.#leave(response));
      this.#timer ??= setInterval(() => void this.#tick(), TICK_MS);
    },
  };

  /** Ends every stream, so that the server can close. */
  close(): void {
    for (const watcher of this.#watchers) watcher.end();
  }

  #leave(response: ServerResponse): void {
    this.#watchers.delete(response);
    if (this.isWatched) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#gathered.clear();
  }

  async #tick(): Promise<void> {
    for (const [event, items] of this.#gathered) this.#send(event, items);
    this.#gathered.clear();
    // Without the database there are no counts; the page shows the last ones and that they are old.
    const counts = await this.#readCounts().catch(() => undefined);
    const text =
      counts && JSON.stringify(counts, (_key, value) => (typeof value === "bigint" ? Number(value) : value));
    if (text === undefined || text === this.#lastCounts) return;
    this.#lastCounts = text;
    this.#send("counts", text);
  }

  #send(event: string, data: string | readonly object[]): void {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    for (const watcher of this.#watchers) {
      // One who reads too slowly is let go; the browser connects again and is up to date at once.
      if (watcher.writableLength > BACKLOG_BYTES_MAX) watcher.destroy();
      else watcher.write(`event: ${event}\ndata: ${text}\n\n`);
    }
  }
}

const TICK_MS = 500;
const RETRY_MS = 2_000;
const ITEMS_PER_TICK_MAX = 20;
const BACKLOG_BYTES_MAX = 1024 * 1024;
