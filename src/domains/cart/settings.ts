/** The cart's own environment variables. */
import { integerBetween, secret } from "../../config/rules.ts";
import type { SettingsOf } from "../../config/settings.ts";
import { type } from "../../config/types.ts";

export type CartSettings = Readonly<{
  productUrl: string;
  lomsUrl: string;
  /** For the shop page. */
  notificationsUrl: string | undefined;
  /** For background calls. */
  token: string | undefined;
  /** Shards of the product cache; empty disables it. */
  redisUrls: readonly string[];
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
    description: "gRPC URL of the product service.",
    example: "http://127.0.0.1:50053",
  },
  lomsUrl: {
    variable: "CART_LOMS_URL",
    fallback: undefined,
    rule: serviceUrl,
    description: "gRPC URL of the loms service.",
    example: "http://127.0.0.1:50052",
  },
  notificationsUrl: {
    variable: "CART_NOTIFICATIONS_URL",
    fallback: "",
    rule: optionalServiceUrl,
    description: "gRPC URL of the notifications service. Without it the shop page shows no notifications.",
    example: "http://127.0.0.1:50054",
  },
  token: {
    variable: "CART_TOKEN",
    fallback: "",
    rule: secret.pipe((text) => text || undefined),
    description: "Bearer token of background calls, such as those that finish a checkout.",
    isSecret: true,
  },
  redisUrls: {
    variable: "REDIS_URLS",
    fallback: "",
    rule: redisUrls,
    description:
      "Redis servers that share the cached products, separated by commas. Without one, nothing is cached.",
    example: "redis://127.0.0.1:6379,redis://127.0.0.1:6380",
    isSecret: true,
  },
  resumeSeconds: {
    variable: "CART_RESUME_SECONDS",
    fallback: "5",
    rule: integerBetween(1, 3_600),
    description: "Age at which any process resumes an open checkout.",
    unit: "seconds",
  },
};
