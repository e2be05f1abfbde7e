/** Aborts on Ctrl-C, a signal, a closed terminal or the end of npm. A second signal ends the process at once. */
export function watchForStop(): AbortSignal {
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => stopping.abort());
  // npm forwards signals. If npm is killed, the parent changes: the scripts use "exec", so no shell is in between.
  if (process.env.npm_lifecycle_event !== undefined) {
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      stopping.abort();
    }, PARENT_POLL_MS);
    watch.unref();
  }
  return stopping.signal;
}

/** A stop takes seconds. */
const PARENT_POLL_MS = 500;
