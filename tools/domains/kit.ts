/**
 * The contract between the tools and a domain: the kit generates messages with their expected outcomes, reads their
 * effects back, and checks the tables after a run. A kit is one folder under `tools/domains/` and one line in
 * `index.ts`.
 */
import type { AnyDomain } from "../../src/contract/domain.ts";
import type { RejectionCode } from "../../src/contract/rejection.ts";
import type { Database } from "../../src/database/database.ts";
import type { Dashboard } from "../dashboards/panels.ts";
import type { Random } from "./random.ts";

export interface DomainKit {
  readonly domain: AnyDomain;
  /** Singular, for reports. */
  readonly messageNoun: string;
  /** The HTTP request for a message; answered after the commit. */
  intake(payload: Buffer): Intake;
  /** As a broker would deliver them. */
  headers?(payload: Buffer): Readonly<Record<string, string>>;
  /** For services that the tools start. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly documentBytesMax: number;
  /**
   * @param seed repeats the messages under new ids.
   * @param run part of every id; random by default.
   */
  createFactory(seed: number, run?: string): MessageFactory;
  /** Beside the general kinds. */
  readonly garbage: Readonly<Record<string, GarbageKind>>;
  /** Beside the general mutations. */
  readonly hostile: readonly Mutation[];
  readonly readBack: ReadBack;
  createWitness(): Witness;
  /** Paths that the demo prints, by label. */
  readonly addresses: Readonly<Record<string, string>>;
  /** A token for the domain's page. */
  signIn?(): string;
  readonly dashboard?: Dashboard;
  readonly pictures: Pictures;
}

export interface MessageFactory extends Random {
  /** One that the domain accepts. */
  valid(): KitMessage;
  /** Another content under the same id. */
  conflictWith(message: KitMessage): KitMessage;
}

export type Intake = Readonly<{
  path: string;
  /** Replace the default ones, such as INGRESS_TOKEN. */
  headers?: Readonly<Record<string, string>>;
  body: Buffer;
}>;

export type KitMessage = Readonly<{
  kind: "valid" | "garbage" | "duplicate" | "conflict";
  payload: Buffer;
  /** For reading the effect back; undefined without effect. Kafka keeps the order per key. */
  key?: string;
  /** If messages arrive in the order of generation. */
  becomes: Expectation;
}>;

export type Expectation =
  | Readonly<{ outcome: "projected" }>
  | Readonly<{ outcome: "duplicate" }>
  | Readonly<{
      outcome: "dead";
      code: RejectionCode;
      /** In any order; undefined if random. */
      paths?: readonly string[] | undefined;
    }>;

export type GarbageKind = Readonly<{
  code: RejectionCode;
  paths?: readonly string[];
  /** @param document a valid message's JSON, with at least one member. */
  make: (document: string, random: Random) => string | Buffer;
}>;

/** The result may be valid. @param document a valid message's JSON. */
export type Mutation = (document: string, random: Random) => string | Buffer;

/** Reads effects over HTTP. */
export interface ReadBack {
  /** Plural, for reports. */
  readonly noun: string;
  /** 404 means no effect yet. */
  request(key: string): Readonly<{ path: string; headers?: Readonly<Record<string, string>> }>;
  /** @returns `missing` if a later response may be complete. */
  compare(answer: Buffer, published: readonly Buffer[]): "complete" | "missing" | "different";
}

/** Observes a run, then checks tables and services. */
export interface Witness {
  /** Before sending: the message may arrive from then on. */
  attempted(message: Published): void;
  acknowledged(message: Published): void;
  /** The next check covers everything, for example after a restore. */
  startOver(): void;
  /**
   * Called when all acknowledged messages have outcomes. Checks those since the last call.
   * @returns violations, without personal data.
   */
  check(database: Database, services: readonly Reader[]): Promise<string[]>;
}

export type Published = Pick<KitMessage, "payload" | "key">;

export interface Reader {
  readonly url: string;
  /** @returns undefined after 404. @throws after any other response. */
  read(key: string): Promise<Buffer | undefined>;
}

/** For the documentation's screenshots. */
export type Pictures = Readonly<{
  page: Readonly<{ name: string; path: string }>;
  /** An instructive dead letter, and its correction. */
  letter: (factory: MessageFactory) => Readonly<{ payload: Buffer; mend: (text: string) => string }>;
  /** A path shared by many dead letters. */
  commonPath: string;
}>;
