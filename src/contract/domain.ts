/**
 * The contract between the engine and a domain: one kind of message, how it becomes tables, and what answers people.
 *
 * A domain is one folder under `domains/`, its migrations, and one line in `domains/index.ts`. The engine gives each
 * domain its part of the inbox, its checkpoint, its lock, its wake-up queue, its dead letters, its metrics and its
 * routes. The domain imports nothing but this folder and `database/`, and never another domain.
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
 * What the engine has to know of a domain. Everything here is constant: a module holds no state and may be used by
 * several services in one process.
 *
 * @typeParam Settings the validated values of `settings`.
 * @typeParam Added what a projection reports as newly added, for the domain's own cache and live pages.
 */
export interface DomainModule<Settings extends object = object, Added = unknown> {
  /** Lower-case letters. Label, queue, lock, default channel, and prefix of the domain's settings. */
  readonly name: string;
  /** Every table that the projection writes, parents before children. A rebuild compares and replaces all of them. */
  readonly tables: readonly [ProjectedTable, ...ProjectedTable[]];
  /** The numbered migrations of the tables, and `privileges.sql`; undefined if the engine's own folder holds them. */
  readonly migrations?: URL;
  /**
   * The JSON pointer of every member that the schema knows, with `#` for any index of an array; `pathsOf` gives those of
   * a type. Dead letters are grouped by them, and never by names that a sender made up.
   */
  readonly paths: readonly string[];
  /**
   * Names of members and headers whose values identify a person, in any case or as a word of a longer name. They decide
   * for what the schema does not know. They are masked in this domain's dead letters only.
   */
  readonly personalNames: readonly string[];
  /**
   * Those of `paths` whose values, with all that is below them, identify a person; by default those whose last name is
   * one of `personalNames`.
   */
  readonly personalPaths?: readonly string[];
  /** The domain's own environment variables. */
  readonly settings: SettingsOf<Settings>;
  /**
   * Rules that no single variable can break.
   * @param reached how others than this machine can reach the service, such as `HTTP_HOST is "0.0.0.0"`; undefined if
   * they cannot.
   * @returns what is wrong, each beginning with the name of a variable.
   */
  checkSettings?(settings: Settings, reached: string | undefined): readonly string[];
  /** Prefix of the channel variables, such as `WALLET_` in WALLET_KAFKA_TOPIC; by default the name in capitals. */
  readonly channelPrefix?: string;
  /**
   * Whether a commit of the projection waits for the disk before any waiting caller is answered. If false, a crash of
   * PostgreSQL can take back the last projections; they are then projected again with the same result.
   */
  readonly isDurable: boolean;
  /** Statements of the audit that must return no row. */
  readonly checks: readonly AuditCheck[];
  /** A new projection without any shared state: the live one, a dry run, a rebuild and a probe each have their own. */
  createProjection(): Projection<Added>;
  /**
   * What the domain's inbox begins with, such as reference data that its rules need. The engine appends each message once,
   * however many processes start and however often. A message never changes; later versions may add others.
   */
  readonly firstMessages?: readonly NewMessage[];
  /** When the domain wants to be told the time; undefined if its rules know no time. */
  readonly timer?: DomainTimer;
  /** What the domain adds to the `waybill` command. */
  readonly commands?: readonly DomainCommand<Settings>[];
  /**
   * Opens what answers people. Commands of the shell never call it, so a module imports what it needs for that here:
   * other processes start without it.
   */
  open?(context: DomainContext, settings: Settings): DomainService<Added> | Promise<DomainService<Added>>;
}

/** One command of the shell, which needs the settings of its domain and nothing of the service. */
export interface DomainCommand<Settings extends object = object> {
  /** The word after `waybill`. */
  readonly name: string;
  readonly description: string;
  /** Values that stand after it, each required, in their sequence. */
  readonly arguments: readonly CommandValue[];
  /** Values that stand after `--<name>`. */
  readonly options: readonly (CommandValue & Readonly<{ fallback: string }>)[];
  /**
   * @param values by their names, as their rules gave them.
   * @returns what is printed.
   * @throws InvalidInputError for bad usage.
   */
  run(values: Readonly<Record<string, unknown>>, settings: Settings): Promise<string>;
}

export type CommandValue = Readonly<{ name: string; description: string; rule: Rule<unknown> }>;

/** Any domain, whatever its settings are. */
export type AnyDomain = DomainModule;

/**
 * One table of a projection. The first table of a domain holds one row for each projected position, in a unique column
 * `position`: the audit joins it with the inbox.
 */
export type ProjectedTable = Readonly<{
  name: string;
  /** The columns of the primary key, or of another unique key. */
  key: readonly [string, ...string[]];
}>;

/**
 * One statement of a domain's proof. It returns the rows that break a rule, as `position bigint` (the position to look
 * at first) and `detail text` (what is wrong, without personal data). Its only parameter `$1` is a position: an
 * incremental audit passes the last proved one and may skip what was complete by then; a full audit passes 0.
 */
export type AuditCheck = Readonly<{
  /** Stable name in snake_case, such as `postings_sum_to_zero`. */
  name: string;
  sql: string;
}>;

/** How a domain gets the time: as messages, so that a rebuild sees the same time again. */
export type DomainTimer = Readonly<{
  /** The earliest moment at which something falls due; undefined if nothing will. */
  nextDueAt(database: Queryable): Promise<Date | undefined>;
  /** The payload of the message for one second. All processes must produce the same bytes for the same second. */
  payloadOf(second: Date): Buffer;
}>;

export interface Projection<Added = unknown> {
  /**
   * Projects one batch in position order, one batch at a time, in the given transaction. An outcome may depend on the
   * inbox before its position and on this code alone: never on the clock, the environment or chance. Domain time is
   * `receivedAtMs` of the rows. A message that cannot be projected gets a `dead` outcome. An exception means that
   * the code did not expect the message: the engine then projects each message alone, in a savepoint of its own.
   * @throws DatabaseError for a fault of the database; the engine retries the batch.
   */
  project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projected<Added>>;
}

export type Projected<Added = unknown> = Readonly<{
  /** One for each row of the batch, in their order. */
  outcomes: readonly Outcome[];
  /** Passed to `DomainService.onProjected` after the commit of a live batch, and dropped otherwise. */
  added?: readonly Added[];
  /** Events for other systems, in the order in which they happened. Only the engine writes them, and only live. */
  events?: readonly OutboxEvent[];
}>;

export type Outcome =
  | Readonly<{ kind: "projected" }>
  | Readonly<{ kind: "duplicate"; originalPosition: bigint }>
  | Readonly<{ kind: "dead"; rejection: Rejection }>;

export const PROJECTED: Outcome = Object.freeze({ kind: "projected" });

/** What became of a position; `pending` if nothing has yet. */
export type OutcomeName = "pending" | Outcome["kind"];

/** One event that a position caused. */
export type OutboxEvent = Readonly<{
  /** A position of the batch that ended as `projected`. */
  position: bigint;
  topic: string;
  /** Events of one key keep their order. */
  key: string;
  payload: Buffer;
  headers?: Readonly<Record<string, string>>;
}>;

/** What the engine gives a domain that is opened. */
export interface DomainContext {
  /** Connections for reads; nothing that the projection writes may be written through them. */
  readonly database: Database;
  /** Whether the `http` source runs. If not, `submit` takes nothing, and a route that needs it has no sense. */
  readonly isTakingHttp: boolean;
  /**
   * Appends a message of this domain's `http` channel; resolves after its commit.
   * @throws KeyReusedError if the message id came with another payload before; UnavailableError if the message was not
   * stored, or if that is not known in time. Sending the same id again is right in both cases.
   */
  submit(message: NewMessage): Promise<Receipt>;
  /**
   * Resolves with the outcome of a position as soon as it has one, in this process or in another; with `pending` when
   * the signal aborts first. A thousand waiting callers cost one query at a time.
   */
  settled(position: bigint, signal: AbortSignal): Promise<OutcomeName>;
  /** The route that stores any bytes as one message and answers 202; undefined if the `http` source does not run. */
  intake(description: IntakeDescription): Route | undefined;
  /**
   * Records, before it is shown, that an operator sees what is not for everyone: one action on each position.
   * @param operator who and why, as the request gives it.
   * @throws InvalidInputError if author or reason is no line of text.
   */
  recordReveals(
    positions: readonly bigint[],
    operator: Readonly<{ author?: string | undefined; reason?: string | undefined }>,
  ): Promise<void>;
  /** Opens a client of another service. */
  readonly openRpcClient: OpenRpcClient;
  /** Shows items on the event stream; the newest come last. */
  announce(event: string, items: readonly object[]): void;
  readonly metrics: MetricsScope;
  readonly logger: Logger;
}

/** A domain that is open. Every callback is called by the engine, in this process. */
export interface DomainService<Added = unknown> {
  readonly routes: readonly Route[];
  /** What it answers over gRPC, and over HTTP where the `.proto` gives a route. */
  readonly rpcs?: readonly RpcService[];
  /** The domain's page. */
  readonly page?: DomainPage;
  /** After the commit of each live batch: the place to make the new state visible in memory. Must not throw. */
  onProjected?(added: readonly Added[]): void;
  /** The projection was replaced as a whole, by this process or another: drop everything that memory holds of it. */
  onRebuilt?(): void;
  /** Fills memory from the tables while the service already answers; resolves with the number of entries. */
  restore?(signal: AbortSignal): Promise<number>;
  /**
   * Works in the background while the process takes messages in, and resolves when the signal aborts. Every process of
   * the domain does it, so doing a thing twice must change nothing. Its failures are its own to retry.
   */
  work?(signal: AbortSignal): Promise<void>;
  /** The service stops: ends what would keep a connection open, such as a stream of events. */
  close?(): void;
  /** The address on which people see what a position became; undefined if there is none. */
  viewOf?(position: bigint): Promise<string | undefined>;
}

/** Files of a domain's page, served under `/ui/<domain>/`; `index.html` among them is the page itself. */
export type DomainPage = Readonly<{ title: string; folder: URL }>;
