/**
 * The messages that the inbox of a domain begins with. They are ordinary messages with a source of their own and with ids
 * that never change, so however many processes append them, each is in the inbox once.
 */

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
