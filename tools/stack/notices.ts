/** A line every 30 seconds of a long wait: readers, and the runner of the tests, take silence for a hang. */

/**
 * Ends when it is disposed.
 * @param describe the wait; undefined prints nothing, for work that must show progress to count as running.
 */
export function startNotices(
  describe: () => string | undefined,
  say: (text: string) => void = tell,
  everyMs = NOTICE_MS,
): Disposable {
  const begun = performance.now();
  const timer = setInterval(() => {
    const text = describe();
    if (text !== undefined) say(`${text} (${Math.round((performance.now() - begun) / 1000)} s so far)`);
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Standard error shows progress; results go to standard output. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

const NOTICE_MS = 30_000;
