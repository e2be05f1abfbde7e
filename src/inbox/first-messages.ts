/** The first messages of a domain's inbox. Their source and ids never change, so each is stored once. */

import type { AnyDomain } from "../contract/domain.ts";
import { headersToJson } from "../contract/headers.ts";
import type { Message } from "../contract/message.ts";

export function firstMessagesOf({ name, firstMessages = [] }: AnyDomain): Message[] {
  return firstMessages.map(({ messageId, payload, headers = {} }) => {
    const headersJson = headersToJson({ headers: Object.entries(headers) });
    return {
      source: "first",
      channel: name,
      messageId,
      payload,
      publishedAtMs: undefined,
      ...(headersJson === undefined ? {} : { headers: headersJson }),
    };
  });
}
