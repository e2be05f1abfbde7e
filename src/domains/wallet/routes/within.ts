/** Not longer than the caller stays connected. */
import type { ServerResponse } from "node:http";

export async function within<T>(
  seconds: number,
  response: ServerResponse,
  wait: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  const timer = setTimeout(stop, seconds * 1000);
  response.once("close", stop);
  try {
    return await wait(stopping.signal);
  } finally {
    clearTimeout(timer);
    response.off("close", stop);
  }
}
