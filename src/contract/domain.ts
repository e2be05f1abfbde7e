/**
 * The contract between the engine and a domain: one kind of message, its tables and its routes. A domain is a folder
 * under `domains/`, its migrations, and a line in `domains/index.ts`. It imports only this folder and `database/`.
 */
import type { Rule } from "../config/rules.ts";
import type { SettingsOf } from "../config/settings.ts";
import type { Database } from "../database/database.ts";
import type { Queryable } from "../database/queryable.ts";
import type { Transaction } from "../database/transaction.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { InboxRow, NewMessage, Receipt } from "./message.ts";
import type { MetricsScope } from "./metrics.ts";
import type { Rejection } from "./rejection.ts";
import type { IntakeDescription, Request, Route } from "./route.ts";
import type { OpenRpcClient, RpcService } from "./rpc.ts";

/**
 * Constant and without state, so several services in one process may share it.
 *
 * @typeParam Added what a projection reports as new, for the domain's cache and live pages.
 */
export interface DomainModule<Settings extends object = object, Added = unknown> {
  /** Lower-case letters. Label, queue, lock, default channel, and prefix of the settings. */
  readonly name: string;
  /** Every table that the projection writes, parents before children. */
  readonly tables: readonly [ProjectedTable, ...ProjectedTable[]];
  /** Undefined if the engine's folder holds them. */
  readonly migrations?: URL;
  /**
   * JSON pointers of the schema's members, with `#` for an array's index; dead letters are grouped by them. See
   * `pathsOf`.
   */
  readonly paths: readonly string[];
  /**
   * Names of members and headers whose values identify a person, in any case or as a word of a longer name. They mask
   * values outside of the schema.
   */
  readonly personalNames: readonly string[];
  /** Those of `paths` whose values identify a person; by default those whose last name is in `personalNames`. */
  readonly personalPaths?: readonly string[];
  /** How operators look for the domain's documents. */
  readonly documents?: readonly DocumentLookup[];
  readonly settings: SettingsOf<Settings>;
  /**
   * Checks rules that involve several variables.
   * @param reached how other machines can reach the service; undefined if they cannot.
   * @returns problems, each beginning with the name of a variable.
   */
  checkSettings?(settings: Settings, reached: string | undefined): readonly string[];
  /** Such as `WALLET_` in WALLET_KAFKA_TOPIC; by default the name in capitals. */
  readonly channelPrefix?: string;
  /**
   * Whether a commit reaches the disk before callers are answered. If false, a crash of PostgreSQL can undo the last
   * projections, which are then repeated with the same result.
   */
  readonly isDurable: boolean;
  readonly checks: readonly AuditCheck[];
  /** Without shared state: dry runs, rebuilds and probes have instances of their own. */
  createProjection(): Projection<Added>;
  /**
   * Messages that every inbox of the domain begins with. The engine appends each once. Later versions may add messages
   * but never change one.
   */
  readonly firstMessages?: readonly NewMessage[];
  /** Undefined if the domain's rules do not depend on time. */
  readonly timer?: DomainTimer;
  /** Additional commands of `waybill`. */
  readonly commands?: readonly DomainCommand<Settings>[];
  /** Called by the service only: import here what other processes do not need. */
  open?(context: DomainContext, settings: Settings): DomainService<Added> | Promise<DomainService<Added>>;
}

export type DocumentLookup = Readonly<{
  /** The identifier that operators know, such as `invoice number`. */
  what: string;
  /**
   * Reads an index. @param text of any form, without spaces around it.
   * @returns the positions of the messages that made the document; empty if there is none.
   */
  find(database: Queryable, text: string): Promise<bigint[]>;
}>;

/** A command that needs the domain's settings but no running service. */
export interface DomainCommand<Settings extends object = object> {
  /** The word after `waybill`. */
  readonly name: string;
  readonly description: string;
  /** Required values after the name, in order. */
  readonly arguments: readonly CommandValue[];
  readonly options: readonly (CommandValue & Readonly<{ fallback: string }>)[];
  /**
   * @returns the text to print.
   * @throws InvalidInputError for bad usage.
   */
  run(values: Readonly<Record<string, unknown>>, settings: Settings): Promise<string>;
}

export type CommandValue = Readonly<{ name: string; description: string; rule: Rule<unknown> }>;

export type AnyDomain = DomainModule;

/**
 * The first table of a domain holds one row for each projected position, in a unique column `position`, which the audit
 * joins with the inbox.
 */
export type ProjectedTable = Readonly<{
  name: string;
  /** A unique key. */
  key: readonly [string, ...string[]];
}>;

/**
 * SQL that returns the rows which break a rule: `position bigint` (where to look first) and `detail text` (the problem,
 * without personal data). `$1` is the last proved position; 0 in a full audit.
 */
export type AuditCheck = Readonly<{
  /** In snake_case, such as `postings_sum_to_zero`. */
  name: string;
  sql: string;
}>;

/** Delivers the time to a domain as messages, so that a rebuild sees the same time. */
export type DomainTimer = Readonly<{
  /** When the next deadline passes; undefined if there is none. */
  nextDueAt(database: Queryable): Promise<Date | undefined>;
  /** All processes must produce the same bytes for one second. */
  payloadOf(second: Date): Buffer;
}>;

export interface Projection<Added = unknown> {
  /**
   * Projects one batch at a time, in position order. Outcomes may depend only on the inbox up to their position and on
   * this code, never on the clock, the environment or chance; domain time is `receivedAtMs`. After an exception, which
   * means a bug, the engine projects each message alone in a savepoint.
   * @throws DatabaseError for a database fault; the engine retries the batch.
   */
  project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projected<Added>>;
}

export type Projected<Added = unknown> = Readonly<{
  /** In the order of the batch. */
  outcomes: readonly Outcome[];
  /** Passed to `DomainService.onProjected` after the commit of a live batch. */
  added?: readonly Added[];
  /** Written for live batches only; oldest first. */
  events?: readonly OutboxEvent[];
}>;

export type Outcome =
  | Readonly<{ kind: "projected" }>
  | Readonly<{ kind: "duplicate"; originalPosition: bigint }>
  | Readonly<{ kind: "dead"; rejection: Rejection }>;

export const PROJECTED: Outcome = Object.freeze({ kind: "projected" });

export type OutcomeName = "pending" | Outcome["kind"];

export type OutboxEvent = Readonly<{
  /** A `projected` position of the batch. */
  position: bigint;
  topic: string;
  /** Events with the same key keep their order. */
  key: string;
  payload: Buffer;
  headers?: Readonly<Record<string, string>>;
}>;

export interface DomainContext {
  /** For reads only; the projection alone writes its tables. */
  readonly database: Database;
  /** Whether the `http` source runs; otherwise `submit` refuses. */
  readonly isTakingHttp: boolean;
  /**
   * Appends a message to the domain's `http` channel; resolves after the commit.
   * @throws KeyReusedError if the message id exists with another payload; UnavailableError if the message was not
   * stored, or not in time. Retrying with the same id is safe.
   */
  submit(message: NewMessage): Promise<Receipt>;
  /**
   * Resolves with the outcome of a position, or with `pending` if the signal aborts first. Any number of waiting
   * callers costs one query at a time.
   */
  settled(position: bigint, signal: AbortSignal): Promise<OutcomeName>;
  /** A route that stores any body as a message; undefined if the `http` source does not run. */
  intake(description: IntakeDescription): Route | undefined;
  /**
   * Records an operator's access to restricted data. Call it before showing the data. The author is the operator who
   * is signed in by name, else the given one.
   * @throws InvalidInputError if author or reason is not a line of text.
   */
  recordReveals(
    request: Pick<Request, "signer">,
    positions: readonly bigint[],
    operator: Readonly<{ author?: string | undefined; reason?: string | undefined }>,
  ): Promise<void>;
  readonly openRpcClient: OpenRpcClient;
  /** @param items newest last. */
  announce(event: string, items: readonly object[]): void;
  readonly metrics: MetricsScope;
  readonly logger: Logger;
}

export interface DomainService<Added = unknown> {
  readonly routes: readonly Route[];
  /** Also served over HTTP if the `.proto` declares routes. */
  readonly rpcs?: readonly RpcService[];
  readonly page?: DomainPage;
  /** Called after the commit of each live batch. Must not throw. */
  onProjected?(added: readonly Added[]): void;
  /** Any process replaced the projection: discard everything cached. */
  onRebuilt?(): void;
  /** Fills the cache while the service already answers. @returns the number of entries. */
  restore?(signal: AbortSignal): Promise<number>;
  /** Background work until the signal aborts. Every process of the domain runs it, so it must be idempotent. */
  work?(signal: AbortSignal): Promise<void>;
  /** Ends open responses, such as event streams, at shutdown. */
  close?(): void;
  /** The address of the page that shows a position's effect. */
  viewOf?(position: bigint): Promise<string | undefined>;
}

/** Served under `/ui/<domain>/`, with an `index.html`. */
export type DomainPage = Readonly<{ title: string; folder: URL }>;
