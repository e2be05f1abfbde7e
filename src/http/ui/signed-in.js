/** Who is signed in: `name` is null with a shared token or without any, `role` is null before the sign-in. */
const NONE = { name: null, role: null };
const TIMEOUT_MS = 10_000;

export const signedIn = fetch("/session", { signal: AbortSignal.timeout(TIMEOUT_MS) }).then(
  (response) => (response.ok ? response.json() : NONE),
  () => NONE,
);
