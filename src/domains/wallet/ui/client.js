/** The token lives as long as the tab. */
import { Refused } from "/ui/api.js";
import { callerWith } from "/ui/caller.js";

export { newKey } from "/ui/caller.js";

const { token, headers, ask } = callerWith("wallet-token");

export { ask, Refused, token as tokenOfTab };

/** Unverified; the service verifies it. */
export function userOf(token) {
  try {
    const [, claims] = token.split(".");
    return JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))).sub;
  } catch {
    return undefined;
  }
}

/** Until the stream ends. EventSource cannot send the token. */
export async function follow(path, onEvent) {
  const response = await fetch(path, { headers: headers() });
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
