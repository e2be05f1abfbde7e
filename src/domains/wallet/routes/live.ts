/**
 * `GET /wallet/balances/events`: the balances of a user as they change, for that user alone. One query at a time asks whose
 * balances have changed, for all who watch and whichever process decided.
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
  isTold: boolean;
};

export class LiveBalances {
  readonly #database: DomainContext["database"];
  readonly #tickMs: number;
  readonly #ticksPerBeat: number;
  readonly #watchers = new Map<ServerResponse, Watcher>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  /** What changed up to this position was told. */
  #seen = 0n;
  #ticks = 0;

  /** @param tickMs how often it looks. @param ticksPerBeat after how many looks a sign of life is sent. */
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
      // nginx would gather what is sent until a buffer is full.
      "x-accel-buffering": "no",
    });
    response.write(":\n\n");
    this.#watchers.set(response, { owner: subject, isStillAllowed, isTold: false });
    response.once("close", () => this.#leave(response));
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs);
    this.#look();
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
    this.#look();
  }

  /** Without the database nothing changes either: the next tick looks again. */
  #look(): void {
    this.#looking ??= this.#tell()
      .catch(() => {})
      .finally(() => {
        this.#looking = undefined;
      });
  }

  async #tell(): Promise<void> {
    // The position first: what changes up to it is seen by the query that follows.
    const head = await selectLastPosition(this.#database);
    const watchers = [...this.#watchers.values()];
    const fresh = watchers.filter(({ isTold }) => !isTold).map(({ owner }) => owner);
    if (head === this.#seen && fresh.length === 0) return;
    const owners = [...new Set(watchers.map(({ owner }) => owner))];
    const changed = await selectChangedOwners(this.#database, owners, this.#seen);
    const currencies = await readCurrencies(this.#database);
    for (const owner of new Set([...changed, ...fresh])) {
      const { position, balances } = await selectBalances(this.#database, owner);
      const document = { position: String(position), balances: balancesDocument(balances, currencies) };
      this.#send(owner, `event: balances\ndata: ${JSON.stringify(document)}\n\n`);
    }
    this.#seen = head;
  }

  #send(owner: string, event: string): void {
    for (const [response, watcher] of this.#watchers) {
      if (watcher.owner !== owner) continue;
      watcher.isTold = true;
      // One who reads too slowly is let go, and is up to date at once with the next connection.
      if (response.writableLength > BACKLOG_BYTES_MAX) response.destroy();
      else response.write(event);
    }
  }

  /** A comment, which the reader skips; and the end, once the token has expired. */
  #beat(): void {
    for (const [response, { isStillAllowed }] of this.#watchers) {
      response.write(":\n\n");
      void isStillAllowed().then((isAllowed) => isAllowed || response.end());
    }
  }
}

/** Quick enough for eyes. */
const TICK_MS = 500;
/** Every fifteen seconds: proxies end what is silent for longer. */
const TICKS_PER_BEAT = 30;
const BACKLOG_BYTES_MAX = 64 * 1024;
