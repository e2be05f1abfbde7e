/** Calls the service as a wallet user. The token lives as long as the tab. */

/** An error response, with the service's own explanation. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the service answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export const tokenOfTab = {
  read: () => sessionStorage.getItem(STORED),
  keep: (token) => sessionStorage.setItem(STORED, token),
  forget: () => sessionStorage.removeItem(STORED),
};

/** The user named by the token, unverified; the service verifies it. */
export function userOf(token) {
  try {
    const [, claims] = token.split(".");
    return JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))).sub;
  } catch {
    return undefined;
  }
}

/** @returns the status and the document. @throws Refused */
export async function ask(path, { method = "GET", body, key } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        authorization: `Bearer ${tokenOfTab.read()}`,
        ...(key === undefined ? {} : { "idempotency-key": key, "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Error("the service cannot be reached");
  }
  const document = await response.json();
  if (!response.ok) throw new Refused(response.status, document);
  return { status: response.status, document };
}

/** Calls `onEvent` for each event until the stream ends. EventSource cannot send the token. */
export async function follow(path, onEvent) {
  const response = await fetch(path, { headers: { authorization: `Bearer ${tokenOfTab.read()}` } });
  if (!response.ok) throw new Refused(response.status, await response.json());
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (text + value).split("\n\n");
    text = events.pop();
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event);
      if (data) onEvent(JSON.parse(data[1]));
    }
  }
}

/** A unique command id. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const STORED = "wallet-token";
