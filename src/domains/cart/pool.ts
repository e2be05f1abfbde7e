/** A worker pool: a list of items enters, a list of results leaves. */

export type PoolOptions = Readonly<{
  /** The most items that are worked on at once. */
  atOnce: number;
  /** The caller's: when it aborts, nothing more begins. */
  signal: AbortSignal;
}>;

/**
 * Works on all items, several at once. Its guarantees:
 *  1. At most `atOnce` items are worked on at any moment.
 *  2. Items begin in their order, and the results have the order of the items, whichever is finished first.
 *  3. After the first error nothing more begins, the signal of what is under way aborts, and that error is thrown.
 *  4. When the caller's signal aborts, nothing more begins, the signal of what is under way aborts, and the reason of the
 *     abort is thrown, unless an error came first. If the signal is aborted before the call, nothing begins at all.
 *  5. It settles only after everything that began has settled: nothing goes on behind the caller's back.
 *
 * @param work gets one item and the signal that it has to heed.
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
      // The first reason to abort is kept; what others throw because of it is dropped.
      failed.abort(error);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failed.signal.aborted) throw signal.reason;
  return results;
}
