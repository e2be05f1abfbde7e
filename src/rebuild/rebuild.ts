/**
 * Rebuilds a projection from position 0 beside the live one: the usual code projects the inbox into a schema of its
 * own; then every row is compared, and the differences are taken over in one transaction. Until that commits, the live
 * projection is unchanged.
 *
 * Tables whose rows never change are compared while the live projector works. It is blocked for messages that it
 * projected meanwhile and for other tables, such as balances. A rebuild stops at the live checkpoint and writes no
 * events.
 */
import type { AnyDomain } from "../contract/domain.ts";
import { WrongStateError } from "../contract/errors.ts";
import { POSITION_MAX } from "../contract/values/integers.ts";
import { Database } from "../database/database.ts";
import type { Queryable } from "../database/queryable.ts";
import type { Transaction } from "../database/transaction.ts";
import { selectCheckpoint } from "../projector/checkpoints-table.ts";
import { Handover } from "../projector/handover.ts";
import { BATCH_ROWS_MAX, projectingOf, projectNext } from "../projector/project.ts";
import type { Logger } from "../telemetry/logger.ts";
import { describeTables, type RebuiltTable } from "./catalogue-table.ts";
import {
  type Change,
  createDifferences,
  noteDifferences,
  type Range,
  selectChanges,
  selectTableDifferences,
  type TableDifference,
} from "./differences-table.ts";
import {
  countMessages,
  createShadow,
  dropShadow,
  lockLive,
  reconcileShadow,
  shadowSchemaOf,
  tryRebuildLock,
} from "./shadow-table.ts";
import { takeOver } from "./take-over-table.ts";

export type RebuildOptions = Readonly<{
  /** Of the owner role, which may create a schema. */
  ownerUrl: string;
  domain: AnyDomain;
  isDryRun: boolean;
  logger: Logger;
  signal: AbortSignal;
  /** Called after each batch. */
  onProgress: (stage: "projecting" | "comparing" | "taking over", position: bigint, target: bigint) => void;
}>;

export type RebuildReport = Readonly<{
  domain: string;
  upTo: bigint;
  projected: bigint;
  duplicate: bigint;
  dead: bigint;
  /** By outcome. */
  changes: readonly Change[];
  tables: readonly TableDifference[];
  isTakenOver: boolean;
}>;

export function differs({ changes, tables }: RebuildReport): boolean {
  return changes.length > 0 || tables.some(({ added, removed, changed }) => added + removed + changed > 0n);
}

/**
 * @throws WrongStateError if another rebuild of the domain runs; the signal's reason if it aborts; Error if the domain
 * names a table that does not exist; DatabaseError.
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildReport> {
  const { ownerUrl, domain, logger } = options;
  await using stack = new AsyncDisposableStack();
  // Comparing large tables exceeds the usual timeouts.
  const live = stack.use(new Database(ownerUrl, { connectionsMax: 1, logger, hasTimeouts: false }));
  // A transaction holds the lock and does nothing else.
  const locker = stack.use(new Database(ownerUrl, { connectionsMax: 1, logger }));
  const lock = stack.use(await locker.hold());
  if (!(await tryRebuildLock(lock, domain.name))) {
    throw new WrongStateError(`a rebuild of ${domain.name} is running already`);
  }
  const tables = await describeTables(live, domain);
  await createShadow(live, domain);
  // If this fails, the next rebuild drops it.
  stack.defer(() => dropShadow(live, domain.name).catch(() => {}));
  await createDifferences(live, domain.name, tables);
  const schema = shadowSchemaOf(domain.name);
  const rebuilt = stack.use(new Database(ownerUrl, { connectionsMax: 1, logger, schema }));
  // Without the lock another rebuild may use the same schema.
  const signal = AbortSignal.any([options.signal, lock.lost]);
  return await rebuildBeside({ ...options, signal }, tables, live, rebuilt);
}

async function rebuildBeside(
  options: RebuildOptions,
  tables: readonly RebuiltTable[],
  live: Database,
  rebuilt: Database,
): Promise<RebuildReport> {
  const { domain, isDryRun, signal, onProgress } = options;
  const projectUpTo = shadowProjector(options, rebuilt);
  const compare = async (queryable: Queryable, compared: readonly RebuiltTable[], range?: Range) => {
    for (const table of compared) await noteDifferences(queryable, domain.name, table, range);
    signal.throwIfAborted();
  };
  const report = async (queryable: Queryable): Promise<RebuildReport> => ({
    domain: domain.name,
    ...(await totalsOf(rebuilt, domain.name)),
    changes: await selectChanges(queryable, domain.name, tables),
    tables: await selectTableDifferences(queryable, domain.name, tables),
    isTakenOver: !isDryRun,
  });

  const settled = await catchUp(live, domain.name, projectUpTo);
  onProgress("comparing", settled, settled);
  await reconcileShadow(live, domain.name);
  const insertOnly = tables.filter((table) => table.isInsertOnly);
  const changeable = tables.filter((table) => !table.isInsertOnly);
  await compare(live, insertOnly, { above: 0n, upTo: settled });
  if (isDryRun && changeable.length === 0) return report(live);

  const finish = async (transaction: Transaction): Promise<RebuildReport> => {
    const locked = await lockLive(transaction, domain.name);
    onProgress(isDryRun ? "comparing" : "taking over", locked, locked);
    await projectUpTo(locked);
    await reconcileShadow(transaction, domain.name);
    await compare(transaction, insertOnly, { above: settled, upTo: POSITION_MAX });
    await compare(transaction, changeable);
    if (!isDryRun) await takeOver(transaction, domain.name, tables);
    return report(transaction);
  };
  return isDryRun ? live.attempt(finish) : live.transaction(finish);
}

/**
 * Until at most a batch remains, which needs the live projector blocked.
 * @returns the reached position.
 */
async function catchUp(
  live: Database,
  domain: string,
  projectUpTo: (target: bigint) => Promise<number>,
): Promise<bigint> {
  for (;;) {
    const { position } = await selectCheckpoint(live, domain);
    if ((await projectUpTo(position)) <= BATCH_ROWS_MAX) return position;
  }
}

/** @returns a function that projects into the shadow up to a position, and resolves with the number of messages. */
function shadowProjector({ domain, signal, onProgress }: RebuildOptions, rebuilt: Database) {
  const projecting = projectingOf(domain, { isLive: false });
  const handover = new Handover();
  let position = 0n;
  return async (target: bigint): Promise<number> => {
    for (let messages = 0; ; ) {
      signal.throwIfAborted();
      const range = { above: position, upTo: target, limit: BATCH_ROWS_MAX };
      const count = await countMessages(rebuilt, domain.name, range);
      if (count === 0) return messages;
      const batch = await projectNext(rebuilt, projecting, handover, count);
      position = batch.checkpoint;
      messages += batch.rows.length;
      onProgress("projecting", position, target);
    }
  };
}

async function totalsOf(rebuilt: Database, domain: string) {
  const { position: upTo, projected, duplicate, dead } = await selectCheckpoint(rebuilt, domain);
  return { upTo, projected, duplicate, dead };
}
