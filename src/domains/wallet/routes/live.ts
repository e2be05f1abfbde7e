/**
 * `GET /wallet/balances/events`. One query at a time finds the changed owners for all watchers, including decisions
 * of other processes.
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
  isUpToDate: boolean;
};

export class LiveBalances {
  readonly #database: DomainContext["database"];
  readonly #tickMs: number;
  readonly #ticksPerBeat: number;
  readonly #watchers = new Map<ServerResponse, Watcher>();
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  #sentPosition = 0n;
  #ticks = 0;

  /** @param ticksPerBeat polls per keep-alive. */
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

  /** Lets the server close. */
  close(): void {
    for (const response of this.#watchers.keys()) response.end();
  }

  #watch(user: Credential, { subject = "", headers }: Request, response: ServerResponse): void {
    const token = (headers.authorization ?? "").replace(/^Bearer /i, "");
    const isStillAllowed = async () => (await user.authenticate(token).catch(() => undefined)) === subject;
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      // For nginx, which would buffer.
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

  /** Ignores errors: the next tick polls again. */
  #poll(): void {
    this.#polling ??= this.#sendChanges()
      .catch(() => {})
      .finally(() => {
        this.#polling = undefined;
      });
  }

  async #sendChanges(): Promise<void> {
    // First the position: later queries see all changes up to it.
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
      // A slow reader reconnects to current balances.
      if (response.writableLength > BACKLOG_BYTES_MAX) response.destroy();
      else response.write(event);
    }
  }

  /** Keep-alive; ends streams whose token has expired. */
  #beat(): void {
    for (const [response, { isStillAllowed }] of this.#watchers) {
      response.write(":\n\n");
      void isStillAllowed().then((isAllowed) => isAllowed || response.end());
    }
  }
}

/** Feels immediate. */
const TICK_MS = 500;
/** 15 s: proxies close silent connections. */
const TICKS_PER_BEAT = 30;
const BACKLOG_BYTES_MAX = 64 * 1024;
