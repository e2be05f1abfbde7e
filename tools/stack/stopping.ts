/**
 * Tells a command when it is asked to stop: by Ctrl-C, by a signal, by its terminal, which was closed, or because npm, which
 * started it, has ended. A second signal of the same kind ends the process at once.
 */
export function watchForStop(): AbortSignal {
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => stopping.abort());
  // npm passes signals on. When npm itself is killed, another process becomes the parent: the scripts of package.json begin
  // with "exec", so that no shell stands between npm and this process.
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

/** Short beside the seconds that a stop takes. */
const PARENT_POLL_MS = 500;
