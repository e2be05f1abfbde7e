/**
 * The contract between the tools and a domain. Publisher, demo, torture, fuzz and screenshots know a domain only through
 * its kit: it generates messages from a seed with their expected outcomes, reads their effects back, checks the tables
 * after a run, and names what to show.
 *
 * A kit is one folder under `tools/domains/` and one line in `index.ts`. Other tools contain no code for one domain.
 */
import type { AnyDomain } from "../../src/contract/domain.ts";
import type { RejectionCode } from "../../src/contract/rejection.ts";
import type { Database } from "../../src/database/database.ts";
import type { Dashboard } from "../dashboards/panels.ts";
import type { Random } from "./random.ts";

export interface DomainKit {
  readonly domain: AnyDomain;
  /** Singular noun for a valid message, in reports. */
  readonly messageNoun: string;
  /** The HTTP request that submits a message; its response follows the commit. */
  intake(payload: Buffer): Intake;
  /** Headers that a broker would deliver with a payload; none by default. */
  headers?(payload: Buffer): Readonly<Record<string, string>>;
  /** Environment variables for services that the tools start, such as a secret. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Size limit of the domain's documents. */
  readonly documentBytesMax: number;
  /**
   * @param seed the same seed generates the same messages, except for their ids.
   * @param run part of every id; random by default, so that runs never share ids.
   */
  createFactory(seed: number, run?: string): MessageFactory;
  /** Invalid messages of this domain by kind, beside the general kinds. */
  readonly garbage: Readonly<Record<string, GarbageKind>>;
  /** Hostile messages of this domain, beside the general mutations. */
  readonly hostile: readonly Mutation[];
  readonly readBack: ReadBack;
  /** Creates the witness of a new run. */
  createWitness(): Witness;
  /** Paths that the demo prints, by label. */
  readonly addresses: Readonly<Record<string, string>>;
  /** A token for the domain's page, for services that the tools start. */
  signIn?(): string;
  /** A dashboard, if the domain has metrics. */
  readonly dashboard?: Dashboard;
  readonly pictures: Pictures;
}

/** Generates the messages of one run. */
export interface MessageFactory extends Random {
  /** Generates a message that the domain accepts. */
  valid(): KitMessage;
  /** Generates another content under the id of `message`. */
  conflictWith(message: KitMessage): KitMessage;
}

export type Intake = Readonly<{
  path: string;
  /** Replace the default headers, such as INGRESS_TOKEN. */
  headers?: Readonly<Record<string, string>>;
  body: Buffer;
}>;

export type KitMessage = Readonly<{
  kind: "valid" | "garbage" | "duplicate" | "conflict";
  payload: Buffer;
  /**
   * Key for reading the effect back; undefined for messages without effect. Kafka keeps the order of messages with the
   * same key.
   */
  key?: string;
  /** Expected outcome if messages arrive in the order of their generation. */
  becomes: Expectation;
}>;

export type Expectation =
  | Readonly<{ outcome: "projected" }>
  | Readonly<{ outcome: "duplicate" }>
  | Readonly<{
      outcome: "dead";
      code: RejectionCode;
      /** Paths of all problems in any order; undefined if they are random. */
      paths?: readonly string[] | undefined;
    }>;

/** Makes a message invalid. */
export type GarbageKind = Readonly<{
  code: RejectionCode;
  paths?: readonly string[];
  /** @param document the JSON text of a valid message, an object with at least one member. */
  make: (document: string, random: Random) => string | Buffer;
}>;

/** Mutates a message that may stay valid. @param document the JSON text of a valid message. */
export type Mutation = (document: string, random: Random) => string | Buffer;

/** Reads the effects of messages over HTTP. */
export interface ReadBack {
  /** Plural noun for what is read, in reports. */
  readonly noun: string;
  /** The request for a key; the service answers 404 until there is an effect. */
  request(key: string): Readonly<{ path: string; headers?: Readonly<Record<string, string>> }>;
  /**
   * Compares a response with the payloads published under the key.
   * @returns `missing` if a later response may be complete.
   */
  compare(answer: Buffer, published: readonly Buffer[]): "complete" | "missing" | "different";
}

/** Observes the messages of a run, and then checks tables and services against them. */
export interface Witness {
  /** Called before sending, because from then on the message may arrive. */
  attempted(message: Published): void;
  acknowledged(message: Published): void;
  /** Makes the next check cover everything again, for example in a restored database. */
  startOver(): void;
  /**
   * Called when every acknowledged message has an outcome. Checks the messages acknowledged since the last check.
   * @returns the violations found, without personal data.
   */
  check(database: Database, services: readonly Reader[]): Promise<string[]>;
}

export type Published = Pick<KitMessage, "payload" | "key">;

/** A service to read from. */
export interface Reader {
  readonly url: string;
  /** @returns the response body; undefined after a 404. @throws after any other response or a failure. */
  read(key: string): Promise<Buffer | undefined>;
}

/** Contents of the documentation's screenshots. */
export type Pictures = Readonly<{
  page: Readonly<{ name: string; path: string }>;
  /** An instructive dead letter, and a function that corrects its text. */
  letter: (factory: MessageFactory) => Readonly<{ payload: Buffer; mend: (text: string) => string }>;
  /** A path shared by many dead letters. */
  commonPath: string;
}>;
