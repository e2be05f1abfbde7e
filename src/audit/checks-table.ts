/** Runs a domain's own checks, as read-only SQL in the audit's snapshot. */
import type { AuditCheck } from "../contract/domain.ts";
import { DatabaseError } from "../database/database-error.ts";
import type { Transaction } from "../database/transaction.ts";

export type CheckResult = Readonly<{
  broken: bigint;
  /** The lowest positions. */
  samples: readonly Readonly<{ position: bigint; detail: string }>[];
}>;

export class CheckFailedError extends Error {
  readonly domain: string;
  readonly check: string;

  constructor(domain: string, check: string, cause: Error) {
    super(`the check ${check} of the domain ${domain} failed to run: ${cause.message}`, { cause });
    this.domain = domain;
    this.check = check;
  }
}

/**
 * @param after the last proved position; 0 for a full audit.
 * @throws CheckFailedError if the SQL is wrong, or writes; DatabaseError for an environment fault.
 */
export async function runCheck(
  transaction: Transaction,
  domain: string,
  { name, sql }: AuditCheck,
  after: bigint,
): Promise<CheckResult> {
  try {
    // A savepoint can be read-only within a transaction that writes.
    return await transaction.savepoint(async () => {
      await transaction.query("set transaction read only");
      const { rows } = await transaction.query<{ broken: bigint; position: bigint; detail: string }>(
        `with proved as (select $1::bigint as position), violations as (
${sql}
         )
         select position, detail, count(*) over () as broken from violations order by position, detail limit ${SAMPLES_MAX}`,
        [String(after)],
      );
      const samples = rows.map(({ position, detail }) => ({ position, detail }));
      return { broken: rows[0]?.broken ?? 0n, samples };
    });
  } catch (error) {
    const state = error instanceof DatabaseError ? error.sqlState : undefined;
    if (state === undefined || ENVIRONMENT_CLASSES.has(state.slice(0, 2))) throw error;
    throw new CheckFailedError(domain, name, error as DatabaseError);
  }
}

/** Enough to see a pattern. */
const SAMPLES_MAX = 20;

/**
 * Environment faults: connection (08), a rollback caused by another transaction (40), resources (53), operator
 * intervention (57), system (58). Source: PostgreSQL manual, appendix A.
 */
const ENVIRONMENT_CLASSES = new Set(["08", "40", "53", "57", "58"]);
