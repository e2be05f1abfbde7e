/** Rules of environment variables: each parses a text, or states what it must be. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { parseIntoClientConfig } from "pg-connection-string";
import { FAILPOINTS } from "./failpoint.ts";
import { parseDecimal, parseInteger, wholeNumber } from "./numbers.ts";
import { type } from "./types.ts";

/** A shorter token can be guessed. */
export const TOKEN_LENGTH_MIN = 16;

/** An arktype from text to T. */
export type Rule<T> = ((text: unknown) => unknown) & { infer: T };

export function listOf<const Name extends string>(names: readonly Name[]) {
  const described = `a comma-separated list of one or more of: ${names.join(", ")}; each once`;
  return type("string").pipe((text, context) => {
    const given = text.split(",").map((part) => part.trim());
    const isOnce = new Set(given).size === given.length;
    return isOnce && given.every((part) => (names as readonly string[]).includes(part))
      ? (given as Name[])
      : context.error(described);
  });
}

export function oneOf<const Name extends string>(names: readonly Name[]) {
  return type("string").pipe((text, context) =>
    (names as readonly string[]).includes(text)
      ? (text as Name)
      : context.error(`one of ${names.join(", ")}`),
  );
}

export function integerBetween(low: number, high: number) {
  return type("string").pipe((text, context) => {
    return parseInteger(text, low, high) ?? context.error(wholeNumber(low, high));
  });
}

function matching(pattern: RegExp, described: string) {
  return type("string").pipe((text, context) => (pattern.test(text) ? text : context.error(described)));
}

/** The driver itself would take any other text for a database name. */
export const postgresUrl = type("string").pipe((text, context) => {
  const isUrl = /^postgres(ql)?:\/\/\S+$/.test(text) && URL.canParse(text);
  const { hostname, searchParams, username, password } = new URL(isUrl ? text : "postgres:");
  const hasHost = hostname !== "" || Boolean(searchParams.get("host"));
  if (!hasHost || !isDecodable(username) || !isDecodable(password)) {
    return context.error(
      "a PostgreSQL URL such as postgres://user:password@127.0.0.1:5432/waybill or postgres:///waybill?host=/var/run/postgresql, with percent-encoded credentials",
    );
  }
  try {
    parseIntoClientConfig(text);
    return text;
  } catch (error) {
    return context.error(`a URL that the driver can use (${(error as Error).message})`);
  }
});

/** Undefined if none is set. */
export const postgresUrlIfAny = type("string").pipe((text, context) => {
  if (text === "") return undefined;
  const url = postgresUrl(text);
  return url instanceof type.errors ? context.error(url[0]?.expected ?? "a PostgreSQL URL") : url;
});
export const brokerName = matching(/^[A-Za-z0-9_-]{1,128}$/, "1 to 128 letters, digits, - or _");
export const channelName = matching(
  /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/,
  "a channel name of letters, digits, - and _, with dots between the parts",
);
export const hostName = matching(/^[A-Za-z0-9.:_-]+$/, "a host name or an IP address");
/** Origins only, because a browser's Origin header has no path. */
export const publicUrls = type("string").pipe((text, context) => {
  const given = text === "" ? [] : text.split(",").map((part) => part.trim());
  const isOrigin = (part: string) => /^https?:\/\/[^/?#@\s]+\/?$/i.test(part) && URL.canParse(part);
  return given.every(isOrigin)
    ? given.map((part) => new URL(part).origin)
    : context.error(
        "a comma-separated list of URLs without a path, such as https://waybill.example or http://waybill.example:8080",
      );
});
/** Undefined if none is set. */
export const traceUrl = type("string").pipe((text, context) => {
  if (text === "") return undefined;
  const isWeb = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  return isWeb && text.includes("{trace_id}")
    ? text
    : context.error("a URL with {trace_id}, such as http://127.0.0.1:16686/trace/{trace_id}");
});
export const networks = type("string").pipe((text, context) => {
  const given = text === "" ? [] : text.split(",").map((part) => part.trim());
  return given.every(isNetwork)
    ? given
    : context.error("a comma-separated list of IP addresses and networks, such as 127.0.0.1 or 10.0.0.0/8");
});

function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || parseInteger(bits, 0, family === 6 ? 128 : 32) !== undefined;
}

export const logLevel = oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"]);
export const tracesExporter = oneOf(["jaeger", "otlp", "none"]);

/** Source: OpenTelemetry specification, "General SDK Configuration". */
export const SAMPLER_NAMES = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
export const tracesSampler = oneOf(SAMPLER_NAMES);
export const ratio = type("string").pipe(
  (text, context) => parseDecimal(text, 0, 1) ?? context.error("a ratio from 0 to 1, such as 0.01"),
);

/** Undefined if none is set; whether that is allowed depends on the address. */
export const token = tokenOf(TOKEN_LENGTH_MIN);

/** The minimum length depends on the address, too. */
export const tokenOfAnyLength = tokenOf(1);

function tokenOf(lengthMin: number) {
  return type("string").pipe((text, context) => {
    if (text === "") return undefined;
    return /^[\x21-\x7e]*$/.test(text) && text.length >= lengthMin
      ? text
      : context.error(`at least ${lengthMin} printable ASCII characters without spaces`);
  });
}

export const failpointPass = type("string").pipe((text, context) => {
  if (text === "") return undefined;
  const [name, passes = ""] = text.split(":");
  const known = FAILPOINTS.find((place) => place === name);
  const pass = parseInteger(passes, 1, 999_999_999);
  return known && pass !== undefined
    ? { name: known, passes: pass }
    : context.error(`<place>:<pass>, with one of the places ${FAILPOINTS.join(", ")}`);
});

export const flag = type("string").pipe((text, context) =>
  text === "true" || text === "false" ? text === "true" : context.error("true or false"),
);

/** Undefined if none is set. */
export const webhookUrl = type("string").pipe((text, context) => {
  if (text === "") return undefined;
  const isWeb = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  return isWeb ? text : context.error("an http or https URL");
});

/** Undefined if none is set. Source: Standard Webhooks, "Signature scheme". */
export const notifySecret = type("string").pipe((text, context) => {
  if (text === "") return undefined;
  const bytes = Buffer.from(text.replace(/^whsec_/, ""), "base64");
  const isValid = /^whsec_[A-Za-z0-9+/]+=*$/.test(text) && bytes.length >= 24 && bytes.length <= 64;
  return isValid ? bytes : context.error("whsec_ and 24 to 64 bytes in Base64");
});

/** A secret of another system, unchecked. */
export const secret = type("string").pipe((text) => text);

/** The contents of the file; undefined if no path is set. */
export const fileContents = type("string").pipe((text, context) => {
  if (text === "") return undefined;
  try {
    return readFileSync(text, "utf8");
  } catch {
    return context.error("the path of a file that can be read");
  }
});

export const brokers = type("string").pipe((text, context) => {
  const given = text.split(",").map((part) => part.trim());
  return given.every((part) => /^[A-Za-z0-9._-]+:\d{1,5}$|^\[[0-9A-Fa-f:.]+\]:\d{1,5}$/.test(part))
    ? given
    : context.error("a comma-separated list of host:port, such as 127.0.0.1:9092");
});

/** Empty if none is set. */
export const brokersIfAny = type("string").pipe((text, context) => {
  if (text === "") return [];
  const given = brokers(text);
  return given instanceof type.errors
    ? context.error(given[0]?.expected ?? "a comma-separated list of host:port")
    : given;
});

/** Source: Kafka's Topic.java. */
export const topicName = matching(
  /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
  "1 to 249 letters, digits, dots, - or _",
);
export const groupName = matching(/^\S{1,255}$/, "1 to 255 characters without spaces");
export const groupNameIfAny = matching(/^\S{0,255}$/, "1 to 255 characters without spaces");
export const groupProtocol = oneOf(["auto", "consumer", "classic"]);
export const saslMechanism = oneOf(["none", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]);

export const natsUrls = type("string").pipe((text, context) => {
  const isUrl = (part: string) => {
    const url = URL.canParse(part) ? new URL(part) : undefined;
    if (!url || !["nats:", "tls:"].includes(url.protocol) || url.hostname === "") return false;
    return isDecodable(url.username) && isDecodable(url.password);
  };
  return text.split(",").every((part) => isUrl(part.trim()))
    ? text
    : context.error(
        "a comma-separated list of NATS URLs such as nats://127.0.0.1:4222, with percent-encoded credentials",
      );
});

/** Whether every % starts an encoded byte of UTF-8. */
function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Source: NATS, "JetStream naming". */
export const streamName = matching(
  /^[^\s.*>/\\]{1,255}$/,
  "1 to 255 characters without spaces, dots, *, > and slashes",
);
export const subject = type("string").pipe((text, context) => {
  if (text === "") return undefined;
  return /^[^\s.*>]+(\.[^\s.*>]+|\.\*)*(\.>)?$|^>$|^\*(\..+)?$/.test(text)
    ? text
    : context.error("a NATS subject, such as payments.created or payments.>");
});
