/**
 * Signals when the command is asked to stop: by Ctrl-C, a signal, a closed terminal, or the end of the npm process that
 * started it. A second signal of the same kind ends the process at once.
 */
export function watchForStop(): AbortSignal {
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => stopping.abort());
  // npm forwards signals. If npm itself is killed, this process gets a new parent: the scripts in package.json use "exec",
  // so that no shell is in between.
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

/** Short compared with the seconds that a stop takes. */
const PARENT_POLL_MS = 500;
