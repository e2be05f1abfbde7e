/**
 * The contract between the tools and a domain. Publisher, demo, torture, fuzz and pictures know a domain through its kit
 * alone: how its messages are made from a seed and what must become of each, where their effect can be read back, what
 * its tables must say after a run, and what it has to show.
 *
 * A kit is one folder under `tools/domains/` and one line in `index.ts`. No other file of the tools speaks of a domain.
 */
import type { AnyDomain } from "../../src/contract/domain.ts";
import type { RejectionCode } from "../../src/contract/rejection.ts";
import type { Database } from "../../src/database/database.ts";
import type { Dashboard } from "../dashboards/panels.ts";
import type { Random } from "./random.ts";

export interface DomainKit {
  readonly domain: AnyDomain;
  /** The noun for one valid message, in reports. */
  readonly messageNoun: string;
  /** The request that brings a message over HTTP; the service answers it when the message is stored. */
  intake(payload: Buffer): Intake;
  /** What a broker delivers beside a payload, by the names of headers; nothing by default. */
  headers?(payload: Buffer): Readonly<Record<string, string>>;
  /** Variables that a service of the tools needs for this domain, such as a secret of one run. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Bytes of the largest document that the domain reads. */
  readonly documentBytesMax: number;
  /**
   * @param seed gives the same messages again, but for their ids.
   * @param run part of every id; random by default, so that no two runs share one.
   */
  createFactory(seed: number, run?: string): MessageFactory;
  /** The domain's own garbage by kind, beside what no domain can read. */
  readonly garbage: Readonly<Record<string, GarbageKind>>;
  /** The domain's own hostile messages, beside mutations of any document. */
  readonly hostile: readonly Mutation[];
  readonly readBack: ReadBack;
  /** A new witness of one run, which has seen nothing. */
  createWitness(): Witness;
  /** Addresses that the demo prints, by what they show. */
  readonly addresses: Readonly<Record<string, string>>;
  /** A token with which a person signs in on the domain's page, for services of the tools. */
  signIn?(): string;
  /** The domain's own dashboard, if it measures something of its own. */
  readonly dashboard?: Dashboard;
  readonly pictures: Pictures;
}

/** Makes the messages of one run. */
export interface MessageFactory extends Random {
  /** A new message that the domain accepts. */
  valid(): KitMessage;
  /** A message under the id of another one, with other content. */
  conflictWith(message: KitMessage): KitMessage;
}

/** One request. */
export type Intake = Readonly<{
  path: string;
  /** In place of INGRESS_TOKEN and the rest of what is sent anyway. */
  headers?: Readonly<Record<string, string>>;
  body: Buffer;
}>;

export type KitMessage = Readonly<{
  kind: "valid" | "garbage" | "duplicate" | "conflict";
  payload: Buffer;
  /**
   * The key under which its effect can be read back; undefined if it has no effect. Brokers with keys keep the sequence
   * of messages with one key.
   */
  key?: string;
  /** What must become of it if each message arrives after those that were made before it. */
  becomes: Expectation;
}>;

export type Expectation =
  | Readonly<{ outcome: "projected" }>
  | Readonly<{ outcome: "duplicate" }>
  | Readonly<{
      outcome: "dead";
      code: RejectionCode;
      /** Of all its problems, in any sequence; undefined if they depend on chance. */
      paths?: readonly string[] | undefined;
    }>;

/** A way to break a message. */
export type GarbageKind = Readonly<{
  code: RejectionCode;
  paths?: readonly string[];
  /** @param document the JSON text of a valid message, an object with at least one member. */
  make: (document: string, random: Random) => string | Buffer;
}>;

/** Breaks a message, or does not: its outcome is open. @param document the JSON text of a valid message. */
export type Mutation = (document: string, random: Random) => string | Buffer;

/** Where the effect of messages can be read by HTTP. */
export interface ReadBack {
  /** The plural noun for what is read, in reports. */
  readonly noun: string;
  /** The request that reads what one key stands for; an answer 404 means that nothing does yet. */
  request(key: string): Readonly<{ path: string; headers?: Readonly<Record<string, string>> }>;
  /**
   * Compares the answer with the payloads that were published under the key.
   * @returns `missing` if a later answer may be complete.
   */
  compare(answer: Buffer, published: readonly Buffer[]): "complete" | "missing" | "different";
}

/** Sees what is published in a run, and says afterwards whether tables and services tell the truth about it. */
export interface Witness {
  /** Called before the message is sent: whatever happens then, it may arrive. */
  attempted(message: Published): void;
  acknowledged(message: Published): void;
  /** The database may be another one now: the next check looks at everything again. */
  startOver(): void;
  /**
   * Called when every acknowledged message has its outcome. Looks at what was acknowledged since the last check.
   * @returns what is wrong, without personal data.
   */
  check(database: Database, services: readonly Reader[]): Promise<string[]>;
}

export type Published = Pick<KitMessage, "payload" | "key">;

/** One service that can be asked. */
export interface Reader {
  readonly url: string;
  /** The answer for a key, undefined after a 404. @throws if the service does not answer properly. */
  read(key: string): Promise<Buffer | undefined>;
}

/** What the pictures of the documents show of a domain. */
export type Pictures = Readonly<{
  /** The domain's page. */
  page: Readonly<{ name: string; path: string }>;
  /** A message that is worth looking at as a dead letter, and its text mended. */
  letter: (factory: MessageFactory) => Readonly<{ payload: Buffer; mend: (text: string) => string }>;
  /** A path that many letters have in common. */
  commonPath: string;
}>;
