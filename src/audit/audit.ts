/**
 * The proof over all domains: conservation (`inbox = projected + duplicate + dead + pending`, each position exactly
 * once) and the domains' own checks. Proofs are stored, so an audit reads only newer messages; once a day, or on
 * request, it reads everything.
 */
import type { AnyDomain } from "../contract/domain.ts";
import type { SourceGap } from "../contract/source.ts";
import type { Database } from "../database/database.ts";
import type { Transaction } from "../database/transaction.ts";
import { selectSecondsSincePause } from "../inbox/pauses/paused-sources-table.ts";
import { selectCheckpoint } from "../projector/checkpoints-table.ts";
import { type Conservation, DISCREPANCIES_MAX, selectConservation, selectLate } from "./audit-table.ts";
import { type CheckResult, runCheck } from "./checks-table.ts";
import {
  type GrowthSample,
  insertProof,
  type Proof,
  selectGrowthSample,
  selectProof,
  selectTableBytes,
} from "./proofs-table.ts";
import { gapSize, NO_SEQUENCES, type SequenceGap, settlingSeconds } from "./sequence-gaps.ts";
import { readSequences } from "./sequence-gaps-table.ts";
import { selectSourceGaps } from "./source-gaps-table.ts";

export type AuditedDomain = Pick<AnyDomain, "name" | "tables" | "checks">;

export type AuditOptions = Readonly<{
  /** Ignores earlier proofs. */
  isFull?: boolean;
  /** See `settlingSeconds`. */
  gapSettledSeconds?: number;
  /**
   * Seconds without trouble in the domain's intake. After trouble the broker redelivers old messages too, so new gaps
   * do not count yet.
   */
  calmSecondsOf?: (domain: string) => number;
}>;

export type AuditReport = Readonly<{
  holds: boolean;
  domains: Readonly<Record<string, DomainAudit>>;
  storage: Readonly<{ bytes: bigint; bytesPerDay: number | undefined; tables: ReadonlyMap<string, bigint> }>;
}>;

/** Found by sequence numbers or reported by a source. */
export type AuditGap = Pick<SequenceGap, "source" | "channel" | "from" | "to"> &
  Partial<Pick<SequenceGap, "before" | "since" | "until"> & Pick<SourceGap, "series">>;

export type DomainAudit = Conservation &
  Readonly<{
    /** By name. */
    checks: ReadonlyMap<string, CheckResult>;
    /** Messages lost outside, so conservation still holds. */
    gaps: readonly AuditGap[];
    /** The position up to which an earlier audit proved the domain. */
    provedBefore: bigint;
    /** When the last full audit ran. */
    fullAt: Date;
    /** Undefined while there is too little history. */
    messagesPerDay: number | undefined;
  }>;

/**
 * Each domain in a snapshot of its own.
 * @throws CheckFailedError if a domain's check cannot run; DatabaseError.
 */
export async function audit(
  database: Database,
  domains: readonly AuditedDomain[],
  options: AuditOptions = {},
): Promise<AuditReport> {
  const tables = await selectTableBytes(database);
  const bytes = [...tables.values()].reduce((sum, size) => sum + size, 0n);
  const found: Record<string, DomainAudit> = {};
  let bytesPerDay: number | undefined;
  for (const domain of domains) {
    const { earlier, ...audited } = await auditDomain(database, domain, bytes, options);
    found[domain.name] = audited;
    bytesPerDay ??= perDay(earlier, bytes, earlier?.bytes);
  }
  return { holds: allHold(found), domains: found, storage: { bytes, bytesPerDay, tables } };
}

/** The report on some of its domains. `storage` stays that of the database. */
export function partOf({ domains, storage }: AuditReport, names: readonly string[]): AuditReport {
  const chosen = Object.fromEntries(Object.entries(domains).filter(([name]) => names.includes(name)));
  return { holds: allHold(chosen), domains: chosen, storage };
}

function allHold(domains: AuditReport["domains"]): boolean {
  return Object.values(domains).every(({ broken, checks }) => broken + violationsOf(checks) === 0n);
}

function violationsOf(checks: DomainAudit["checks"]): bigint {
  return [...checks.values()].reduce((sum, { broken }) => sum + broken, 0n);
}

function auditDomain(
  database: Database,
  { name: domain, tables: [{ name: relation }], checks }: AuditedDomain,
  bytes: bigint,
  {
    isFull = false,
    gapSettledSeconds = settlingSeconds([]),
    calmSecondsOf = () => Number.POSITIVE_INFINITY,
  }: AuditOptions,
): Promise<DomainAudit & { earlier: GrowthSample | undefined }> {
  const work = async (transaction: Transaction) => {
    const { position: checkpoint, generation } = await selectCheckpoint(transaction, domain);
    const proof = isFull ? undefined : await selectProof(transaction, domain, generation, FULL_EVERY_SECONDS);
    const base = proof ?? NOTHING_PROVED;
    const since = await selectConservation(transaction, domain, relation, base.position);
    const late = proof
      ? await selectLate(transaction, domain, relation, proof.position, proof.auditedAt)
      : [];
    const sum = addTo(base, since, late);
    const results = new Map<string, CheckResult>();
    for (const check of checks) {
      results.set(check.name, await runCheck(transaction, domain, check, base.position));
    }
    // During a pause the broker holds back messages before some that are stored.
    const calmSeconds = Math.min(calmSecondsOf(domain), await selectSecondsSincePause(transaction, domain));
    const { lost, ...sequences } = await readSequences(
      transaction,
      domain,
      base.sequences,
      calmSeconds < gapSettledSeconds ? undefined : gapSettledSeconds,
    );
    const earlier = await selectGrowthSample(transaction, domain);
    const { projected, duplicate, dead } = sum;
    // A violation invalidates the proof, so that the next audit cannot skip the row.
    const broken = sum.broken + violationsOf(results);
    const proved = { position: checkpoint, projected, duplicate, dead, sequences };
    // Nothing changed since the last proof.
    const isNew =
      !proof || broken > 0n || checkpoint > proof.position || sequences.position > proof.sequences.position;
    const keptAt = isNew
      ? await insertProof(transaction, domain, { ...proved, generation, broken, isFull: !proof, bytes })
      : undefined;
    return {
      ...sum,
      checks: results,
      gaps: [...lost, ...(await selectSourceGaps(transaction, domain))],
      provedBefore: base.position,
      fullAt: (proof ? proof.fullAt : keptAt) as Date,
      messagesPerDay: perDay(earlier, projected + duplicate + dead, earlier?.messages),
      earlier,
    };
  };
  return database.transaction(work, { isolation: "repeatable read" });
}

/** @param late positions that arrived after the proof. */
function addTo(
  { projected, duplicate, dead }: Proof,
  since: Conservation,
  late: readonly bigint[],
): Conservation {
  return {
    ...since,
    received: since.received + projected + duplicate + dead + BigInt(late.length),
    broken: since.broken + BigInt(late.length),
    discrepancies: [...late, ...since.discrepancies].slice(0, DISCREPANCIES_MAX),
    projected: since.projected + projected,
    duplicate: since.duplicate + duplicate,
    dead: since.dead + dead,
  };
}

function perDay(
  earlier: GrowthSample | undefined,
  now: bigint,
  then: bigint | undefined,
): number | undefined {
  if (!earlier || then === undefined || earlier.seconds < GROWTH_SECONDS_MIN) return undefined;
  return (Number(now - then) * SECONDS_PER_DAY) / earlier.seconds;
}

/** Positions are exact up to 2^53. */
export function toJson({ holds, domains, storage }: AuditReport) {
  const tables = [...storage.tables].map(([name, size]) => [name, Number(size)]);
  return {
    holds,
    domains: Object.fromEntries(Object.entries(domains).map(([name, found]) => [name, domainToJson(found)])),
    storage: {
      bytes: Number(storage.bytes),
      bytes_per_day: rounded(storage.bytesPerDay),
      tables: Object.fromEntries(tables),
    },
  };
}

function domainToJson(found: DomainAudit) {
  const { received, projected, duplicate, dead, pending, broken, discrepancies, gaps } = found;
  const counts = { received, projected, duplicate, dead, pending, broken };
  return {
    ...Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, Number(count)])),
    discrepancies: discrepancies.map(Number),
    gaps: gaps.slice(0, GAPS_SHOWN_MAX).map(gapToJson),
    proved_before: Number(found.provedBefore),
    full_at: found.fullAt.toISOString(),
    messages_per_day: rounded(found.messagesPerDay),
    checks: Object.fromEntries([...found.checks].map(([name, result]) => [name, checkToJson(result)])),
  };
}

function checkToJson({ broken, samples }: CheckResult) {
  return {
    broken: Number(broken),
    samples: samples.map(({ position, detail }) => ({ position: Number(position), detail })),
  };
}

function gapToJson({ source, channel, series, from, to, before }: AuditGap) {
  return {
    source,
    channel,
    series: series ?? null,
    from: Number(from),
    to: Number(to),
    messages: Number(gapSize({ from, to })),
    before: before === undefined ? null : Number(before),
  };
}

const rounded = (value: number | undefined) => (value === undefined ? null : Math.round(value));

const NOTHING_PROVED: Proof = {
  position: 0n,
  projected: 0n,
  duplicate: 0n,
  dead: 0n,
  sequences: { position: 0n, state: NO_SEQUENCES },
};

const SECONDS_PER_DAY = 86_400;
const FULL_EVERY_SECONDS = SECONDS_PER_DAY;

/** A shorter time says little about a day. */
const GROWTH_SECONDS_MIN = 3_600;

/** Enough to see where; a metric has the count. */
const GAPS_SHOWN_MAX = 100;
