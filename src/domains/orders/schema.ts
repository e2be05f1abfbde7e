/** Bytes enter; an order or a rejection with one problem per invalid path leaves. Nothing validates again. */
import { compiled, type } from "../../config/types.ts";
import {
  excerptOf,
  jsonTypeOf,
  PROBLEMS_MAX,
  type Problem,
  type Rejection,
} from "../../contract/rejection.ts";
import { parseDateTime } from "../../contract/values/date-time.ts";
import { parseJsonDocument } from "../../contract/values/json-document.ts";
import { schemaProblems } from "../../contract/values/schema-problems.ts";
import { pathsOf } from "../../contract/values/shapes.ts";

/** The search columns. */
export type Order = Readonly<{
  orderUid: string;
  customerId: string;
  trackNumber: string;
  /** Milliseconds since the Unix epoch. */
  dateCreated: number;
}>;

export function parseOrder(payload: Buffer): Order | Rejection {
  const document = parseJsonDocument(payload, ORDER_BYTES_MAX);
  if ("code" in document) return document;
  const { value } = document;
  if (jsonTypeOf(value) !== "object") {
    return {
      code: "schema",
      problems: [
        {
          path: "",
          rule: "type",
          expected: "an object",
          received: jsonTypeOf(value),
          excerpt: excerptOf(value),
        },
      ],
    };
  }
  const order = orderType(value);
  const problems: Problem[] = order instanceof type.errors ? schemaProblems(order, value, EXPECTATIONS) : [];
  const { items, date_created } = value as { items?: unknown; date_created?: unknown };
  collectItemProblems(items, problems);
  const dateCreated = typeof date_created === "string" ? parseDateTime(date_created) : undefined;
  if (typeof date_created === "string" && dateCreated === undefined) problems.push(noDateTime(date_created));
  if (order instanceof type.errors || dateCreated === undefined || problems.length > 0) {
    return { code: "schema", problems };
  }
  return {
    orderUid: order.order_uid,
    customerId: order.customer_id,
    trackNumber: order.track_number,
    dateCreated,
  };
}

export function isOrderUid(text: string): boolean {
  return ORDER_UID.test(text);
}

/** Bounded: a million invalid items cost as much as a hundred. */
function collectItemProblems(items: unknown, problems: Problem[]): void {
  if (!Array.isArray(items)) return;
  for (let index = 0; index < items.length && problems.length < PROBLEMS_MAX; index++) {
    const result = itemType(items[index]);
    if (result instanceof type.errors)
      problems.push(...schemaProblems(result, items[index], EXPECTATIONS, ["items", index]));
  }
}

const ORDER_UID = /^[^\p{Cc}]{1,128}$/u;

/** No setting: rebuilds must give the same outcomes. */
export const ORDER_BYTES_MAX = 1024 * 1024;

const wholeNumber = "0 <= number.integer <= 9007199254740991";

const itemType = compiled({
  chrt_id: wholeNumber,
  track_number: "string",
  price: wholeNumber,
  rid: "string",
  name: "string",
  sale: wholeNumber,
  size: "string",
  total_price: wholeNumber,
  nm_id: wholeNumber,
  brand: "string",
  status: wholeNumber,
});

const orderType = compiled({
  order_uid: type(ORDER_UID).describe("1 to 128 characters, none of them a control character"),
  track_number: "string",
  entry: "string",
  delivery: {
    name: "string",
    phone: "string",
    zip: "string",
    city: "string",
    address: "string",
    region: "string",
    email: "string",
  },
  payment: {
    transaction: "string",
    request_id: "string",
    currency: type(/^[A-Z]{3}$/).describe("three upper-case letters (ISO 4217)"),
    provider: "string",
    amount: wholeNumber,
    payment_dt: wholeNumber,
    bank: "string",
    delivery_cost: wholeNumber,
    goods_total: wholeNumber,
    custom_fee: wholeNumber,
  },
  items: "unknown[] >= 1",
  locale: "string",
  internal_signature: "string",
  customer_id: "string",
  delivery_service: "string",
  shardkey: "string",
  sm_id: wholeNumber,
  date_created: "string",
  oof_shard: "string",
});

/** Without names that a sender invents. */
export const ORDER_PATHS: readonly string[] = [...pathsOf(orderType), ...pathsOf(itemType, "/items/#")];

/** Outside of the schema: a custom rule disables arktype's compiled path. */
function noDateTime(text: string): Problem {
  const excerpt = excerptOf(text);
  return {
    path: "/date_created",
    rule: "format",
    expected: "an RFC 3339 date-time of the years 0000 to 9999 in UTC",
    received: "string",
    excerpt,
  };
}

const EXPECTATIONS: Readonly<Record<string, string>> = {
  integer: "a whole number",
  minimum: "at least 0",
  maximum: "at most 9007199254740991",
  min_items: "at least one item",
  whole_number: "a whole number from 0 to 9007199254740991",
};
