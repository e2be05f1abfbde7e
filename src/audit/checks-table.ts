/**
 * The statements of a domain's own proof. The SQL is the domain's; it runs in the snapshot of the audit, and can change
 * nothing.
 */
import type { AuditCheck } from "../contract/domain.ts";
import { DatabaseError } from "../database/database-error.ts";
import type { Transaction } from "../database/transaction.ts";

/** What one check found. */
export type CheckResult = Readonly<{
  /** How many rows break the rule. */
  broken: bigint;
  /** The ones with the lowest positions. */
  samples: readonly Readonly<{ position: bigint; detail: string }>[];
}>;

/** A check that cannot be run proves nothing. */
export class CheckFailedError extends Error {
  readonly domain: string;
  readonly check: string;

  constructor(domain: string, check: string, cause: Error) {
    super(`the check ${check} of the domain ${domain} cannot be run: ${cause.message}`, { cause });
    this.domain = domain;
    this.check = check;
  }
}

/**
 * Runs one check.
 * @param after the last proved position; 0 if everything is read.
 * @throws CheckFailedError if its SQL is wrong, or writes; DatabaseError for a fault of the environment.
 */
export async function runCheck(
  transaction: Transaction,
  domain: string,
  { name, sql }: AuditCheck,
  after: bigint,
): Promise<CheckResult> {
  try {
    // A transaction inside of a transaction can be read-only while the other one is not.
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

/** Enough to see a pattern; the count says how many there are. */
const SAMPLES_MAX = 20;

/**
 * Errors that pass without a change of the check: the connection (08), a rollback that another transaction caused (40),
 * resources (53), an operator's intervention (57) and the system (58). Source: PostgreSQL manual, appendix A.
 */
const ENVIRONMENT_CLASSES = new Set(["08", "40", "53", "57", "58"]);
