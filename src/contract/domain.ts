/**
 * The contract between the engine and a domain: one kind of message, its tables and its routes.
 *
 * A domain is a folder under `domains/`, its migrations, and a line in `domains/index.ts`. The engine gives each domain
 * its own inbox positions, checkpoint, lock, wake-up queue, dead letters, metrics and routes. A domain imports only
 * this folder and `database/`, never another domain.
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
import type { IntakeDescription, Route } from "./route.ts";
import type { OpenRpcClient, RpcService } from "./rpc.ts";

/**
 * A domain. It is constant and holds no state, so several services in one process may share it.
 *
 * @typeParam Settings the validated values of `settings`.
 * @typeParam Added what a projection reports as new, for the domain's cache and live pages.
 */
export interface DomainModule<Settings extends object = object, Added = unknown> {
  /** Lower-case letters. Label, queue, lock, default channel, and prefix of the settings. */
  readonly name: string;
  /** Every table that the projection writes, parents before children. A rebuild compares and replaces all of them. */
  readonly tables: readonly [ProjectedTable, ...ProjectedTable[]];
  /** Numbered migrations and `privileges.sql`; undefined if the engine's folder holds them. */
  readonly migrations?: URL;
  /**
   * The JSON pointer of every member of the schema, with `#` for an array's index; see `pathsOf`. Dead letters are
   * grouped by these pointers, never by names that a sender made up.
   */
  readonly paths: readonly string[];
  /**
   * Names of members and headers whose values identify a person, in any case or as a word of a longer name. They mask
   * values outside of the schema, in this domain's dead letters only.
   */
  readonly personalNames: readonly string[];
  /**
   * Those of `paths` whose values and descendants identify a person; by default those whose last name is in
   * `personalNames`.
   */
  readonly personalPaths?: readonly string[];
  readonly settings: SettingsOf<Settings>;
  /**
   * Checks rules that involve several variables.
   * @param reached how other machines can reach the service, such as `HTTP_HOST is "0.0.0.0"`; undefined if they
   * cannot.
   * @returns problems, each beginning with the name of a variable.
   */
  checkSettings?(settings: Settings, reached: string | undefined): readonly string[];
  /** Prefix of the channel variables, such as `WALLET_` in WALLET_KAFKA_TOPIC; by default the name in capitals. */
  readonly channelPrefix?: string;
  /**
   * Whether a commit reaches the disk before waiting callers are answered. If false, a crash of PostgreSQL can undo the
   * last projections; they are then repeated with the same result.
   */
  readonly isDurable: boolean;
  readonly checks: readonly AuditCheck[];
  /** A projection without shared state: the live one, dry runs, rebuilds and probes each have their own. */
  createProjection(): Projection<Added>;
  /**
   * Messages that every inbox of the domain begins with, such as reference data. The engine appends each once, however
   * many processes start. Later versions may add messages but never change one.
   */
  readonly firstMessages?: readonly NewMessage[];
  /** Undefined if the domain's rules do not depend on time. */
  readonly timer?: DomainTimer;
  /** Additional commands of `waybill`. */
  readonly commands?: readonly DomainCommand<Settings>[];
  /**
   * Opens the part that answers requests. Only the service calls it: imports that other processes do not need belong in
   * here, so that those start faster.
   */
  open?(context: DomainContext, settings: Settings): DomainService<Added> | Promise<DomainService<Added>>;
}

/** A command of `waybill` that needs the domain's settings but no running service. */
export interface DomainCommand<Settings extends object = object> {
  /** The word after `waybill`. */
  readonly name: string;
  readonly description: string;
  /** Required values after the name, in order. */
  readonly arguments: readonly CommandValue[];
  /** Values of `--<name>`. */
  readonly options: readonly (CommandValue & Readonly<{ fallback: string }>)[];
  /**
   * @param values parsed by their rules, by name.
   * @returns the text to print.
   * @throws InvalidInputError for bad usage.
   */
  run(values: Readonly<Record<string, unknown>>, settings: Settings): Promise<string>;
}

export type CommandValue = Readonly<{ name: string; description: string; rule: Rule<unknown> }>;

export type AnyDomain = DomainModule;

/**
 * A table of a projection. A domain's first table holds one row for each projected position, in a unique column
 * `position`, which the audit joins with the inbox.
 */
export type ProjectedTable = Readonly<{
  name: string;
  /** The columns of a unique key. */
  key: readonly [string, ...string[]];
}>;

/**
 * A rule of a domain, as SQL that returns the rows which break it: `position bigint` (where to look first) and `detail
 * text` (the problem, without personal data). `$1` is the last proved position, after which an incremental audit looks;
 * a full audit passes 0.
 */
export type AuditCheck = Readonly<{
  /** A stable name in snake_case, such as `postings_sum_to_zero`. */
  name: string;
  sql: string;
}>;

/** Delivers the time to a domain as messages, so that a rebuild sees the same time. */
export type DomainTimer = Readonly<{
  /** When the next deadline passes; undefined if there is none. */
  nextDueAt(database: Queryable): Promise<Date | undefined>;
  /** The message of one second. All processes must produce the same bytes for it. */
  payloadOf(second: Date): Buffer;
}>;

export interface Projection<Added = unknown> {
  /**
   * Projects one batch at a time, in position order, in the given transaction. An outcome may depend only on the inbox
   * up to its position and on this code, never on the clock, the environment or chance; domain time is `receivedAtMs`.
   * A message that cannot be projected gets a `dead` outcome. After an exception, which means a bug, the engine
   * projects each message alone in a savepoint.
   * @throws DatabaseError for a database fault; the engine retries the batch.
   */
  project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projected<Added>>;
}

export type Projected<Added = unknown> = Readonly<{
  /** One for each row of the batch, in order. */
  outcomes: readonly Outcome[];
  /** Passed to `DomainService.onProjected` after the commit of a live batch; otherwise dropped. */
  added?: readonly Added[];
  /** Events for other systems, oldest first. The engine writes them, and only for live batches. */
  events?: readonly OutboxEvent[];
}>;

export type Outcome =
  | Readonly<{ kind: "projected" }>
  | Readonly<{ kind: "duplicate"; originalPosition: bigint }>
  | Readonly<{ kind: "dead"; rejection: Rejection }>;

export const PROJECTED: Outcome = Object.freeze({ kind: "projected" });

/** The outcome of a position; `pending` until it is projected. */
export type OutcomeName = "pending" | Outcome["kind"];

/** An event that a position caused. */
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
  /** Whether the `http` source runs. Otherwise `submit` refuses, and routes that call it must not exist. */
  readonly isTakingHttp: boolean;
  /**
   * Appends a message to the domain's `http` channel; resolves after the commit.
   * @throws KeyReusedError if the message id exists with another payload; UnavailableError if the message was not
   * stored, or if that is not known in time. Retrying with the same id is then safe.
   */
  submit(message: NewMessage): Promise<Receipt>;
  /**
   * Resolves with the outcome of a position once any process decided it, or with `pending` if the signal aborts first.
   * A thousand waiting callers cost one query at a time.
   */
  settled(position: bigint, signal: AbortSignal): Promise<OutcomeName>;
  /** A route that stores any body as a message and answers 202; undefined if the `http` source does not run. */
  intake(description: IntakeDescription): Route | undefined;
  /**
   * Records an operator's access to restricted data, one action for each position. Call it before showing the data.
   * @throws InvalidInputError if author or reason is not a line of text.
   */
  recordReveals(
    positions: readonly bigint[],
    operator: Readonly<{ author?: string | undefined; reason?: string | undefined }>,
  ): Promise<void>;
  readonly openRpcClient: OpenRpcClient;
  /** Sends items to the event stream, newest last. */
  announce(event: string, items: readonly object[]): void;
  readonly metrics: MetricsScope;
  readonly logger: Logger;
}

/** A running domain. The engine makes every callback in this process. */
export interface DomainService<Added = unknown> {
  readonly routes: readonly Route[];
  /** gRPC services; also served over HTTP if the `.proto` declares routes. */
  readonly rpcs?: readonly RpcService[];
  readonly page?: DomainPage;
  /** Called after the commit of each live batch, to publish the new state in memory. Must not throw. */
  onProjected?(added: readonly Added[]): void;
  /** Called after any process replaced the projection: discard everything cached. */
  onRebuilt?(): void;
  /** Fills the cache while the service already answers; resolves with the number of entries. */
  restore?(signal: AbortSignal): Promise<number>;
  /**
   * Background work; resolves when the signal aborts. Every process of the domain runs it, so it must be idempotent. It
   * retries its own failures.
   */
  work?(signal: AbortSignal): Promise<void>;
  /** Ends open responses, such as event streams, at shutdown. */
  close?(): void;
  /** The address of the page that shows a position's effect; undefined if there is none. */
  viewOf?(position: bigint): Promise<string | undefined>;
}

/** Files of a domain's page, served under `/ui/<domain>/`, with an `index.html`. */
export type DomainPage = Readonly<{ title: string; folder: URL }>;
