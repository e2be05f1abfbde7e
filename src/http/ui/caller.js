/** Calls the service with a bearer token that lives as long as the tab. */
import { Refused } from "/ui/api.js";

/** @param stored the name under which the tab keeps the token; each page has its own. */
export function callerWith(stored) {
  const token = {
    read: () => sessionStorage.getItem(stored),
    keep: (text) => sessionStorage.setItem(stored, text),
    forget: () => sessionStorage.removeItem(stored),
  };
  const headers = () => (token.read() === null ? {} : { authorization: `Bearer ${token.read()}` });

  /** @returns the status and the document. @throws Refused; Error if there is no answer. */
  const ask = async (path, { method = "GET", body, key } = {}) => {
    let response;
    try {
      response = await fetch(path, {
        method,
        headers: {
          ...headers(),
          ...(key === undefined ? {} : { "idempotency-key": key }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      throw new Error("the service cannot be reached");
    }
    const document = await response.json();
    if (!response.ok) throw new Refused(response.status, document, response.headers.get("x-request-id"));
    return { status: response.status, document };
  };
  return { token, headers, ask };
}

/** An idempotency key that no other command has. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
