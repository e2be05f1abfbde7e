/**
 * Compares a journal of published and acknowledged messages with inbox and outcomes; the witness compares tables and
 * answers. It does not trust the service's counts.
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { audit } from "../../src/audit/audit.ts";
import type { Database } from "../../src/database/database.ts";
import type { DomainKit, Witness } from "../domains/kit.ts";
import { connectTo } from "../publisher/connect.ts";
import { InFlight } from "../publisher/in-flight.ts";
import { type Mix, makeLoad } from "../publisher/load.ts";
import { PayloadRefusedError, type Transport } from "../publisher/transport.ts";
import { Verifier } from "../publisher/verify.ts";
import type { Broker } from "../stack/broker.ts";
import { startNotices } from "../stack/notices.ts";

type Entry = { attempted: number; acknowledged: number; stored: number };

export class Judge {
  readonly #entries = new Map<string, Entry>();
  readonly #kit: DomainKit;
  readonly #witness: Witness;
  readonly #say: (text: string) => void;
  #position = 0n;
  attempted = 0;
  acknowledged = 0;

  /** @param say reports waits, which a slow machine needs minutes for. */
  constructor(kit: DomainKit, say: (text: string) => void) {
    this.#kit = kit;
    this.#say = say;
    this.#witness = kit.createWitness();
  }

  /** Without acknowledgement, a message may or may not be stored. */
  async publish(
    broker: Pick<Broker, "kind" | "environment">,
    seed: number,
    rate: number,
    mix: Mix,
    signal: AbortSignal,
  ): Promise<void> {
    const inFlight = new InFlight(IN_FLIGHT_MAX);
    let transport: Transport | undefined;
    let begun = performance.now();
    let sent = 0;
    const factory = this.#kit.createFactory(seed, `t${seed}`);
    for (const message of makeLoad(this.#kit, factory, Number.POSITIVE_INFINITY, mix)) {
      if (signal.aborted) break;
      const early = begun + (sent++ * 1000) / rate - performance.now();
      if (early > 2) await delay(early);
      // What a stalled broker or a busy machine prevented is not made up for: a flood would hide the faults that follow.
      if (early < -BEHIND_MS_MAX) begun -= early;
      transport ??= await connectTo(this.#kit, broker.kind, broker.environment()).catch(() => undefined);
      if (!transport) {
        await delay(RECONNECT_MS);
        continue;
      }
      const entry = this.#entryOf(hashOf(message.payload));
      // It may arrive from here on.
      entry.attempted += 1;
      this.attempted += 1;
      this.#witness.attempted(message);
      const publishing = acknowledged(transport.publish(message.payload, { key: message.key })).then(
        () => {
          entry.acknowledged += 1;
          this.acknowledged += 1;
          this.#witness.acknowledged(message);
        },
        (error) => {
          if (!(error instanceof PayloadRefusedError)) transport = undefined;
        },
      );
      await inFlight.add(publishing);
    }
    using _notices = startNotices(
      () => `waiting for the acknowledgement of the last messages; ${this.acknowledged} so far`,
      this.#say,
    );
    await inFlight.settled();
    await transport?.[Symbol.asyncDispose]();
  }

  /** For example in a restored database. */
  startOver(): void {
    this.#position = 0n;
    for (const entry of this.#entries.values()) {
      entry.stored = 0;
    }
    this.#witness.startOver();
  }

  async missing(database: Database): Promise<number> {
    await this.#readInbox(database);
    let missing = 0;
    for (const { acknowledged, stored } of this.#entries.values())
      missing += Math.max(0, acknowledged - stored);
    return missing;
  }

  /** Waits for all outcomes first. @returns violations. */
  async verdict(database: Database, urls: readonly string[]): Promise<string[]> {
    const late = await this.#waitUntilStored(database, urls);
    if (late.length > 0) return late;
    const findings: string[] = [];
    for (const { attempted, stored } of this.#entries.values()) {
      if (stored > attempted)
        findings.push(`a message is ${stored} times in the inbox but was published ${attempted} times`);
    }
    const { domain } = this.#kit;
    this.#say("all messages have outcomes; auditing");
    const { holds, domains } = await audit(database, [domain], { isFull: true });
    if (!holds) findings.push(`the audit does not hold: ${domains[domain.name]?.discrepancies.slice(0, 5)}`);
    findings.push(...(await this.#gapsLeft(database, urls)));
    findings.push(...(await halfRedriven(database)));
    this.#say("checking the services' answers");
    const services = urls.map((url) => new Verifier(url, this.#kit.readBack));
    findings.push(...(await this.#checkAnswers(database, services)));
    for (const service of services) service.close();
    return findings.slice(0, FINDINGS_MAX);
  }

  async #checkAnswers(database: Database, services: readonly Verifier[]): Promise<string[]> {
    let last = 0;
    using _notices = startNotices(() => {
      const answers = services.reduce((sum, service) => sum + service.answers, 0);
      const hasMoved = answers > last;
      last = answers;
      return hasMoved ? `checking the services' answers: ${answers} read` : undefined;
    }, this.#say);
    return await this.#witness.check(database, services);
  }

  /** @returns what is missing. */
  async #waitUntilStored(database: Database, urls: readonly string[]): Promise<string[]> {
    using _audits = auditRepeatedly(urls);
    let movedAt = performance.now();
    let last = "";
    let counts = "outcomes";
    using _notices = startNotices(() => `waiting for ${counts}`, this.#say);
    for (;;) {
      const missing = await this.missing(database).catch(() => -1);
      const pending = await pendingOf(database, this.#kit.domain.name).catch(() => -1);
      if (missing === 0 && pending === 0) return [];
      const now = `${missing} ${pending}`;
      counts = `${missing} messages to be stored and ${pending} to be projected`;
      if (now !== last) movedAt = performance.now();
      last = now;
      if (performance.now() - movedAt > STANDSTILL_MS_MAX) {
        return [
          `no progress for ${STANDSTILL_MS_MAX / 1000} s: ${missing} acknowledged messages are not in the inbox, ${pending} are pending`,
        ];
      }
      await delay(SETTLE_POLL_MS);
    }
  }

  /** These brokers delete nothing, so gaps close, perhaps by a late redelivery. */
  async #gapsLeft(database: Database, urls: readonly string[]): Promise<string[]> {
    using _audits = auditRepeatedly(urls);
    const { domain } = this.#kit;
    let movedAt = performance.now();
    let last = "";
    using _notices = startNotices(() => `waiting for redeliveries: ${last}`, this.#say);
    for (;;) {
      const options = { isFull: true, gapSettledSeconds: 0 };
      const { domains } = await audit(database, [domain], options);
      const findings = (domains[domain.name]?.gaps ?? []).map(
        ({ source, channel, from: first, to: last }) =>
          `${source} never delivered ${first} to ${last} of ${channel}`,
      );
      if (findings.length === 0) return [];
      const now = findings.join();
      if (now !== last) movedAt = performance.now();
      last = now;
      if (performance.now() - movedAt > STANDSTILL_MS_MAX) return findings;
      await delay(SETTLE_POLL_MS);
    }
  }

  async #readInbox(database: Database): Promise<void> {
    const { rows } = await database.query<{ position: bigint; content: string }>(
      `select position, md5(payload) as content from inbox
       where domain = $2 and position > $1 and source not in ('redrive', 'http', 'first', 'timer') order by position`,
      [String(this.#position), this.#kit.domain.name],
    );
    for (const { position, content } of rows) {
      this.#entryOf(content).stored += 1;
      this.#position = position;
    }
  }

  #entryOf(content: string): Entry {
    let entry = this.#entries.get(content);
    if (!entry) {
      entry = { attempted: 0, acknowledged: 0, stored: 0 };
      this.#entries.set(content, entry);
    }
    return entry;
  }
}

async function pendingOf(database: Database, domain: string): Promise<number> {
  const { rows } = await database.query<{ pending: number }>(
    `select count(*)::int as pending from inbox
     where domain = $1 and position > coalesce((select position from checkpoints where domain = $1), 0)`,
    [domain],
  );
  return rows[0]?.pending ?? 0;
}

/** After an audit a service reads what NATS Streaming skipped. */
function auditRepeatedly(urls: readonly string[]): Disposable {
  const timer = setInterval(() => {
    for (const url of urls) fetch(`${url}/audit`, { signal: AbortSignal.timeout(AUDIT_MS) }).catch(() => {});
  }, AUDIT_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** All three change together, or none. */
async function halfRedriven(database: Database): Promise<string[]> {
  const { rows } = await database.query<{ position: bigint }>(
    `select position
     from (select position from dead_letters where state = 'redriven') as letters
     full join (select redrive_of as position from inbox where source = 'redrive') as redrives using (position)
     full join (select position from operator_actions where action = 'redrive') as actions using (position)
     where letters is null or redrives is null or actions is null
     limit $1`,
    [FINDINGS_MAX],
  );
  return rows.map(({ position }) => `the redrive of the dead letter at position ${position} is incomplete`);
}

/** A dead broker may never answer. */
async function acknowledged(publishing: Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error("the broker did not acknowledge the message")),
    ACKNOWLEDGED_MS_MAX,
  );
  try {
    await Promise.race([publishing, late]);
  } finally {
    clearTimeout(timer);
  }
}

function hashOf(payload: Buffer): string {
  return createHash("md5").update(payload).digest("hex");
}

const IN_FLIGHT_MAX = 1_000;
const BEHIND_MS_MAX = 1_000;
const RECONNECT_MS = 50;
/** Longer than any library's timeout. */
const ACKNOWLEDGED_MS_MAX = 60_000;
const FINDINGS_MAX = 20;

/** Several redeliveries and backoffs on a busy machine; longer than a gap needs to settle. */
const STANDSTILL_MS_MAX = 240_000;
const AUDIT_MS = 20_000;
const SETTLE_POLL_MS = 200;
