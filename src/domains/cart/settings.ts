/** The cart's own environment variables. */
import { type } from "arktype";
import { integerBetween, secret } from "../../config/rules.ts";
import type { SettingsOf } from "../../config/settings.ts";

export type CartSettings = Readonly<{
  productUrl: string;
  lomsUrl: string;
  /** For the shop page alone. */
  notificationsUrl: string | undefined;
  /** The token of calls that no caller began. */
  token: string | undefined;
  /** The shards of the product cache; none: no cache. */
  redisUrls: readonly string[];
  /** After so many seconds a checkout that has not ended is taken up again. */
  resumeSeconds: number;
}>;

const SERVICE_URL = "the URL of a service without a path, such as http://127.0.0.1:50051";
const serviceUrl = type("string").pipe((text, context) => {
  const isOrigin = /^https?:\/\/[^/?#@\s]+\/?$/i.test(text) && URL.canParse(text);
  return isOrigin ? new URL(text).origin : context.error(SERVICE_URL);
});

/** Empty for none. */
const optionalServiceUrl = type("string").pipe((text, context) => {
  const url = text === "" ? undefined : serviceUrl(text);
  return url instanceof type.errors ? context.error(SERVICE_URL) : url;
});

const redisUrls = type("string").pipe((text, context) => {
  const given = text === "" ? [] : text.split(",").map((part) => part.trim());
  const hosts = given.map((part) =>
    /^rediss?:\/\/\S+$/.test(part) && URL.canParse(part) ? new URL(part).host : "",
  );
  const isOnce = new Set(hosts).size === hosts.length;
  return isOnce && !hosts.includes("")
    ? given
    : context.error("a comma-separated list of Redis URLs such as redis://127.0.0.1:6379; each server once");
});

export const CART_SETTINGS: SettingsOf<CartSettings> = {
  productUrl: {
    variable: "CART_PRODUCT_URL",
    fallback: undefined,
    rule: serviceUrl,
    description: "the gRPC address of the service that knows the products",
  },
  lomsUrl: {
    variable: "CART_LOMS_URL",
    fallback: undefined,
    rule: serviceUrl,
    description: "the gRPC address of the service that keeps stock and orders",
  },
  notificationsUrl: {
    variable: "CART_NOTIFICATIONS_URL",
    fallback: "",
    rule: optionalServiceUrl,
    description:
      "the gRPC address of the service with the notifications, for the shop page; none: it shows none",
  },
  token: {
    variable: "CART_TOKEN",
    fallback: "",
    rule: secret.pipe((text) => text || undefined),
    description: "the bearer token of calls that no caller began, such as those that finish a checkout",
    isSecret: true,
  },
  redisUrls: {
    variable: "REDIS_URLS",
    fallback: "",
    rule: redisUrls,
    description: "the Redis servers that share the cached products, separated by commas; none: no cache",
    isSecret: true,
  },
  resumeSeconds: {
    variable: "CART_RESUME_SECONDS",
    fallback: "5",
    rule: integerBetween(1, 3_600),
    description: "after so many seconds a checkout that has not ended is taken up again, by any process",
  },
};
