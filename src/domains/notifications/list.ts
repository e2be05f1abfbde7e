/** The List call: a user's messages, a page at a time. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { DomainContext } from "../../contract/domain.ts";
import { InvalidInputError } from "../../contract/errors.ts";
import type { NotificationsService } from "../../proto/marketplace/notifications/v1/notifications_pb.ts";
import { type Place, selectChangesOfUser } from "./changes-table.ts";

export function notificationsRpcs({
  database,
}: Pick<DomainContext, "database">): ServiceImpl<typeof NotificationsService> {
  return {
    list: async ({ user, from, to, pageSize, pageToken }) => {
      const fromMs = from === undefined ? 0 : firstMsOf(from);
      const toMs = to === undefined ? LATEST_MS : firstMsOf(to);
      if (toMs < fromMs) throw new InvalidInputError("to", "to must not be before from");
      const size = pageSize || PAGE_SIZE;
      // One more row tells whether another page follows.
      const range = { fromMs, toMs, after: placeOf(pageToken), limit: size + 1 };
      const changes = await selectChangesOfUser(database, user, range);
      const page = changes.slice(0, size);
      const last = changes.length > size ? page.at(-1) : undefined;
      return {
        messages: page.map(({ order, status, momentMs, sequence }) => ({
          orderId: order,
          status,
          moment: timestampFromMs(momentMs),
          sequence,
        })),
        nextPageToken: last === undefined ? "" : `${last.momentMs}.${last.position}`,
      };
    },
  };
}

/** Rounds up to a millisecond. */
function firstMsOf({ seconds, nanos }: Readonly<{ seconds: bigint; nanos: number }>): number {
  return Number(seconds) * 1000 + Math.ceil(nanos / 1e6);
}

/** @param token empty, or of the form in notifications.proto. */
function placeOf(token: string): Place {
  if (token === "") return { momentMs: 0, position: 0n };
  const [momentMs, position] = token.split(".") as [string, string];
  if (Number(momentMs) > LATEST_MS)
    throw new InvalidInputError("page_token", "page_token belongs to no page");
  return { momentMs: Number(momentMs), position: BigInt(position) };
}

const PAGE_SIZE = 100;
/** After the moment of every event. */
const LATEST_MS = Date.UTC(10_000, 0, 1);
