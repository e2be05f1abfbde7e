/** Read routes. Clients and proxies normalise paths, so `.`, `..` and ids with a slash work as `?id=` only. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { InvalidInputError, NotFoundError } from "../../contract/errors.ts";
import {
  answer,
  arrayOf,
  header,
  inPath,
  inQuery,
  named,
  nullable,
  type Operation,
  object,
  POSITION,
  problems,
  TEXT,
  TIME,
} from "../../contract/openapi.ts";
import type { IntakeDescription, Request, Route } from "../../contract/route.ts";
import { sendJson } from "../../contract/route.ts";
import { POSITION_MAX, readInteger, readPosition } from "../../contract/values/integers.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { CachedOrder } from "./cache.ts";
import { selectSummariesBefore } from "./orders-table.ts";
import type { OrderReader } from "./read-order.ts";
import { isOrderUid, type Order } from "./schema.ts";

export type ReadCounts = { hit: number; miss: number; absent: number };

export function ordersRoutes(database: Queryable, reader: OrderReader, reads: ReadCounts): Route[] {
  const sendById = (orderUid: unknown, request: Request, response: ServerResponse): void | Promise<void> => {
    if (typeof orderUid !== "string") throw new InvalidInputError("id", "only one id is allowed");
    const cached = reader.cached(orderUid);
    if (cached) {
      reads.hit += 1;
      return sendOrder(request, response, cached);
    }
    if (!isOrderUid(orderUid)) {
      throw new InvalidInputError("id", "an order id has 1 to 128 characters and no control characters");
    }
    return reader.read(orderUid).then((order) => {
      reads[order ? "miss" : "absent"] += 1;
      if (!order) throw NO_SUCH_ORDER;
      sendOrder(request, response, order);
    });
  };

  const getOrder = (request: Request, response: ServerResponse) =>
    sendById(request.params.id, request, response);

  const listOrders = async (request: Request, response: ServerResponse): Promise<void> => {
    const limit = readInteger(request.query.limit ?? LIST_DEFAULT, "limit", 1, LIST_MAX);
    const before =
      request.query.before === undefined ? POSITION_MAX : readPosition(request.query.before, "before", 0n);
    const orders = await selectSummariesBefore(database, before, limit);
    const last = orders.at(-1);
    const body = {
      orders: orders.map(listed),
      // The `before` of the next page.
      next: last && orders.length === limit ? String(last.position) : null,
    };
    sendJson(response, 200, body);
  };

  const findOrders = (request: Request, response: ServerResponse) =>
    request.query.id === undefined
      ? listOrders(request, response)
      : sendById(request.query.id, request, response);

  return [
    {
      method: "GET",
      path: "/orders/:id",
      access: "open",
      isDirect: true,
      operation: GET_ORDER,
      handle: getOrder,
    },
    {
      method: "GET",
      path: "/orders",
      access: "reader",
      openWith: "id",
      operation: FIND_ORDERS,
      handle: findOrders,
    },
  ];
}

export function listed(order: Order & { position: bigint }) {
  return {
    id: order.orderUid,
    position: String(order.position),
    customer_id: order.customerId,
    track_number: order.trackNumber,
    date_created: new Date(order.dateCreated).toISOString(),
  };
}

function sendOrder(request: IncomingMessage, response: ServerResponse, order: CachedOrder): void {
  const { etag, document } = order;
  if (request.headers["if-none-match"] !== undefined && matches(request.headers["if-none-match"], etag)) {
    response.writeHead(304, { etag, "cache-control": CACHE_CONTROL });
    response.end();
    return;
  }
  // A flat list costs less than an object, for which Node.js and the server look up each name.
  response.writeHead(200, [
    "content-type",
    "application/json",
    "content-length",
    document.length,
    "etag",
    etag,
    "cache-control",
    CACHE_CONTROL,
    "link",
    `</messages/${order.position}>; rel="via"`,
  ]);
  // Node.js joins a string, but not a buffer, with the head into one write. Latin-1 keeps every byte.
  if (document.length <= JOINED_BYTES_MAX) response.end(document.toString("latin1"), "latin1");
  else response.end(document);
}

/** RFC 9110, 13.1.2: weak comparison, a list, or `*`. */
function matches(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((candidate) => candidate.trim().replace(/^W\//, "") === etag);
}

export const INTAKE: IntakeDescription = {
  path: "/orders",
  tag: "orders",
  summary: "Append one message to the inbox",
  description:
    "Accepts any bytes. A payload that is not a valid order becomes a dead letter; see `GET /messages/:position`.",
};

const ORDER_UID = { type: "string", minLength: 1, maxLength: 128 };
const DOCUMENT = named(
  "Order",
  { type: "object", properties: { order_uid: TEXT }, required: ["order_uid"] },
  { order_uid: "b563feb7b2b84b6test", track_number: "WBILMTESTTRACK", entry: "WBIL" },
);

const GET_ORDER: Operation = {
  tags: ["orders"],
  summary: "An order, byte for byte as accepted",
  description: "For the ids `.` and `..`, which clients resolve as path segments, use `GET /orders?id=`.",
  parameters: [inPath("id", "the order_uid", ORDER_UID)],
  responses: {
    200: answer("the document", DOCUMENT, {
      etag: header("strong validator of the document"),
      link: header("the message that brought it, with the relation `via`"),
    }),
    304: { description: "the caller's copy is current" },
    ...problems(400, 404, 503),
  },
};

const PAGE = named(
  "OrderPage",
  object({
    orders: arrayOf(
      object({ id: TEXT, position: POSITION, customer_id: TEXT, track_number: TEXT, date_created: TIME }),
    ),
    next: nullable(POSITION),
  }),
  {
    orders: [
      {
        id: "b563feb7b2b84b6test",
        position: "2001",
        customer_id: "test",
        track_number: "WBILMTESTTRACK",
        date_created: "2021-11-26T06:22:19.000Z",
      },
    ],
    next: null,
  },
);

const FIND_ORDERS: Operation = {
  tags: ["orders"],
  summary: "List orders, newest first, or get one by id",
  description:
    "With `id`, answers like `GET /orders/{id}` for any id, without a token. The list needs the operator's token.",
  parameters: [
    inQuery("id", "the order_uid; answers with this order instead of the list", ORDER_UID),
    inQuery("limit", "maximum number of orders, 50 by default", {
      type: "integer",
      minimum: 1,
      maximum: 500,
    }),
    inQuery("before", "the `next` of the previous page", POSITION),
  ],
  responses: {
    200: answer("a page, with a null `next` on the last one; with `id` the document", {
      anyOf: [PAGE, DOCUMENT],
    }),
    304: { description: "with `id`: the caller's copy is current" },
    ...problems(400, 404),
  },
};

/** With the head below 16 KiB, which Node.js writes without a copy on the heap. Source: stream_base.cc, WriteString. */
const JOINED_BYTES_MAX = 15 * 1024;

/** Made once: a stack trace costs more than the answer. */
const NO_SUCH_ORDER = new NotFoundError("there is no order with this id");

/** Personal data: no shared caches. */
const CACHE_CONTROL = "private, max-age=31536000, immutable";
const LIST_DEFAULT = "50";
const LIST_MAX = 500;
