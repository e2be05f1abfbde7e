/** A worker pool: items enter, results leave in the same order. */

export type PoolOptions = Readonly<{
  atOnce: number;
  /** The caller's. */
  signal: AbortSignal;
}>;

/**
 * Guarantees:
 *  1. At most `atOnce` items are in progress.
 *  2. Items start in order; results have the order of the items.
 *  3. The first error starts no further item, aborts the signal of the others, and is thrown.
 *  4. So does an abort by the caller; its reason is thrown unless an error came first. After an earlier abort nothing
 *     starts.
 *  5. It settles after all started work has settled.
 *
 * @param work must end when its signal aborts.
 */
export async function mapPooled<T, R>(
  items: readonly T[],
  { atOnce, signal: caller }: PoolOptions,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const failed = new AbortController();
  const signal = AbortSignal.any([caller, failed.signal]);
  const rest = items.entries();
  const worker = async () => {
    try {
      for (const [index, item] of rest) {
        signal.throwIfAborted();
        results[index] = await work(item, signal);
      }
    } catch (error) {
      // The first reason wins; errors caused by the abort are dropped.
      failed.abort(error);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failed.signal.aborted) throw signal.reason;
  return results;
}
