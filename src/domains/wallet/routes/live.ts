/**
 * `GET /wallet/balances/events`: streams a user's balances when they change. One query at a time finds the changed
 * owners for all watchers, so it also sees decisions of other processes.
 */
import type { ServerResponse } from "node:http";
import type { DomainContext } from "../../../contract/domain.ts";
import type { Credential, Request, Route } from "../../../contract/route.ts";
import { selectBalances, selectChangedOwners } from "../balances-table.ts";
import { readCurrencies } from "../currencies-table.ts";
import { balancesDocument } from "../documents.ts";
import { selectLastPosition } from "../transactions-table.ts";
import * as operations from "./operations.ts";

type Watcher = {
  readonly owner: string;
  readonly isStillAllowed: () => Promise<boolean>;
  /** Whether the first balances were sent. */
  isUpToDate: boolean;
};

export class LiveBalances {
  readonly #database: DomainContext["database"];
  readonly #tickMs: number;
  readonly #ticksPerBeat: number;
  readonly #watchers = new Map<ServerResponse, Watcher>();
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  /** Changes up to this position were sent. */
  #sentPosition = 0n;
  #ticks = 0;

  /** @param tickMs poll interval. @param ticksPerBeat polls per keep-alive. */
  constructor(database: DomainContext["database"], tickMs = TICK_MS, ticksPerBeat = TICKS_PER_BEAT) {
    this.#database = database;
    this.#tickMs = tickMs;
    this.#ticksPerBeat = ticksPerBeat;
  }

  route(user: Credential): Route {
    return {
      method: "GET",
      path: "/wallet/balances/events",
      access: user,
      operation: operations.balanceEvents,
      handle: (request, response) => this.#watch(user, request, response),
    };
  }

  /** Ends every stream, so that the server can close. */
  close(): void {
    for (const response of this.#watchers.keys()) response.end();
  }

  #watch(user: Credential, { subject = "", headers }: Request, response: ServerResponse): void {
    const token = (headers.authorization ?? "").replace(/^Bearer /i, "");
    const isStillAllowed = async () => (await user.authenticate(token).catch(() => undefined)) === subject;
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      // Otherwise nginx would buffer the events.
      "x-accel-buffering": "no",
    });
    response.write(":\n\n");
    this.#watchers.set(response, { owner: subject, isStillAllowed, isUpToDate: false });
    response.once("close", () => this.#leave(response));
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs);
    this.#poll();
  }

  #leave(response: ServerResponse): void {
    this.#watchers.delete(response);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    this.#ticks += 1;
    if (this.#ticks % this.#ticksPerBeat === 0) this.#beat();
    this.#poll();
  }

  /** Errors are ignored: without a database nothing changes, and the next tick polls again. */
  #poll(): void {
    this.#polling ??= this.#sendChanges()
      .catch(() => {})
      .finally(() => {
        this.#polling = undefined;
      });
  }

  async #sendChanges(): Promise<void> {
    // Read the position first: the queries after it see all changes up to it.
    const head = await selectLastPosition(this.#database);
    const watchers = [...this.#watchers.values()];
    const fresh = watchers.filter(({ isUpToDate }) => !isUpToDate).map(({ owner }) => owner);
    if (head === this.#sentPosition && fresh.length === 0) return;
    const owners = [...new Set(watchers.map(({ owner }) => owner))];
    const changed = await selectChangedOwners(this.#database, owners, this.#sentPosition);
    const currencies = await readCurrencies(this.#database);
    for (const owner of new Set([...changed, ...fresh])) {
      const { position, balances } = await selectBalances(this.#database, owner);
      const document = { position: String(position), balances: balancesDocument(balances, currencies) };
      this.#send(owner, `event: balances\ndata: ${JSON.stringify(document)}\n\n`);
    }
    this.#sentPosition = head;
  }

  #send(owner: string, event: string): void {
    for (const [response, watcher] of this.#watchers) {
      if (watcher.owner !== owner) continue;
      watcher.isUpToDate = true;
      // Drop a slow reader; its next connection starts with current balances.
      if (response.writableLength > BACKLOG_BYTES_MAX) response.destroy();
      else response.write(event);
    }
  }

  /** Sends a keep-alive comment, and ends streams whose token has expired. */
  #beat(): void {
    for (const [response, { isStillAllowed }] of this.#watchers) {
      response.write(":\n\n");
      void isStillAllowed().then((isAllowed) => isAllowed || response.end());
    }
  }
}

/** Feels immediate to a person. */
const TICK_MS = 500;
/** Every 15 seconds: proxies close connections that are silent for longer. */
const TICKS_PER_BEAT = 30;
const BACKLOG_BYTES_MAX = 64 * 1024;
