/**
 * Rebuilds a projection from position 0 beside the live one, which goes on: the inbox enters, by the same code as
 * always, into tables of a schema of its own. When it has caught up, every row is compared with the live one; what
 * differs is taken over in one transaction. Until then nothing of the live projection has changed, however it ends.
 *
 * Differences mean that the code of the domain is another one than that which projected the live rows, or that
 * somebody changed those by hand.
 */
import type { AnyDomain } from "../contract/domain.ts";
import { WrongStateError } from "../contract/errors.ts";
import { POSITION_MAX } from "../contract/values/integers.ts";
import { Database } from "../database/database.ts";
import { selectHead } from "../inbox/inbox-table.ts";
import { selectCheckpoint } from "../projector/checkpoints-table.ts";
import { Handover } from "../projector/handover.ts";
import { projectingOf, projectNext } from "../projector/project.ts";
import type { Logger } from "../telemetry/logger.ts";
import {
  type Change,
  createShadow,
  dropShadow,
  lockLive,
  noteChanges,
  reconcileShadow,
  selectChanges,
  shadowSchemaOf,
  takeOver,
  tryRebuildLock,
} from "./rebuild-table.ts";

export type RebuildOptions = Readonly<{
  /** Of the owner: it makes and drops a schema. */
  ownerUrl: string;
  domain: AnyDomain;
  /** Compare, and change nothing. */
  isDryRun: boolean;
  logger: Logger;
  signal: AbortSignal;
  /** Told after each batch how far it has come, and how far it has to come by now. */
  onProgress: (stage: "projecting" | "comparing" | "taking over", position: bigint, head: bigint) => void;
}>;

export type RebuildReport = Readonly<{
  domain: string;
  /** The last position of the rebuilt projection. */
  upTo: bigint;
  projected: bigint;
  duplicate: bigint;
  dead: bigint;
  /** What ended otherwise than in the live projection, or with other content. */
  changes: readonly Change[];
  isTakenOver: boolean;
}>;

/**
 * @throws WrongStateError where another rebuild of the domain runs; the signal's reason where it aborts; DatabaseError.
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildReport> {
  const { ownerUrl, domain, logger } = options;
  await using stack = new AsyncDisposableStack();
  // Comparing takes as long as it takes.
  const owner = stack.use(new Database(ownerUrl, { connectionsMax: 1, logger, hasTimeouts: false }));
  // The lock lives as long as the connection that took it, which therefore does nothing else.
  const locker = stack.use(new Database(ownerUrl, { connectionsMax: 1, logger }));
  const lock = stack.use(await locker.hold());
  if (!(await tryRebuildLock(lock, domain.name))) {
    throw new WrongStateError(`a rebuild of ${domain.name} is running already`);
  }
  await createShadow(owner, domain.name, domain.tables[0].name);
  // Where that fails the next rebuild does it.
  stack.defer(() => dropShadow(owner, domain.name).catch(() => {}));
  const schema = shadowSchemaOf(domain.name);
  const shadow = stack.use(new Database(ownerUrl, { connectionsMax: 1, logger, schema }));
  return await rebuildBeside(options, owner, shadow);
}

async function rebuildBeside(
  options: RebuildOptions,
  live: Database,
  rebuilt: Database,
): Promise<RebuildReport> {
  const { domain, isDryRun, signal, onProgress } = options;

  await projectUntil(options, rebuilt, async () => selectHead(rebuilt, domain.name));
  const { position: reached } = await selectCheckpoint(rebuilt, domain.name);
  const { position: liveReached } = await selectCheckpoint(live, domain.name);
  // Below both, no row of the live projection changes any more but by operators, who are reconciled below.
  const settled = reached < liveReached ? reached : liveReached;
  onProgress("comparing", settled, settled);
  await reconcileShadow(live, domain.name);
  await noteChanges(live, domain.name, domain.tables[0].name, 0n, settled);
  signal.throwIfAborted();
  if (isDryRun) return reportOf(options, live, rebuilt, false);

  await live.transaction(async (transaction) => {
    const locked = await lockLive(transaction, domain.name);
    onProgress("taking over", locked, locked);
    // The live projector waits now: the rest is what it did since.
    await projectUntil(options, rebuilt, async () => locked);
    await reconcileShadow(transaction, domain.name);
    await noteChanges(transaction, domain.name, domain.tables[0].name, settled, POSITION_MAX);
    signal.throwIfAborted();
    await takeOver(transaction, domain.name, domain.tables[0].name);
  });
  return reportOf(options, live, rebuilt, true);
}

async function projectUntil(
  { domain, signal, onProgress }: RebuildOptions,
  shadow: Database,
  readTarget: () => Promise<bigint>,
): Promise<void> {
  const handover = new Handover();
  const projecting = projectingOf(domain, { isLive: false });
  let target = await readTarget();
  let { position } = await selectCheckpoint(shadow, domain.name);
  while (position < target) {
    signal.throwIfAborted();
    const batch = await projectNext(shadow, projecting, handover);
    if (batch.rows.length === 0) return;
    position = batch.checkpoint;
    onProgress("projecting", position, target);
    if (position >= target) target = await readTarget();
  }
}

async function reportOf(
  { domain }: RebuildOptions,
  live: Database,
  rebuilt: Database,
  isTakenOver: boolean,
): Promise<RebuildReport> {
  const { position, projected, duplicate, dead } = await selectCheckpoint(rebuilt, domain.name);
  const changes = await selectChanges(live, domain.name);
  return { domain: domain.name, upTo: position, projected, duplicate, dead, changes, isTakenOver };
}
