/** Waits for a condition instead of for a time. */
export async function until<T>(
  label: string | (() => string),
  condition: () => T | Promise<T>,
  timeoutMs = 20_000,
): Promise<Exclude<NonNullable<T>, false>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value as Exclude<NonNullable<T>, false>;
    if (performance.now() > deadline)
      throw new Error(`waited ${timeoutMs} ms in vain until ${typeof label === "string" ? label : label()}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const POLL_MS = 5;
