/** Environment variables of the wallet. */
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import type { JSONWebKeySet, JWK } from "jose";
import { integerBetween } from "../../config/rules.ts";
import type { SettingsOf } from "../../config/settings.ts";
import { type } from "../../config/types.ts";

export type WalletSettings = Readonly<{
  jwtSecret: Buffer | undefined;
  jwks: JSONWebKeySet | undefined;
  jwtIssuer: string | undefined;
  jwtAudience: string | undefined;
  /** In seconds. */
  answerSeconds: number;
}>;

/** RFC 7518, 3.2: no shorter than the hash. */
const SECRET_BYTES_MIN = 32;

const jwtSecret = type("string").pipe((text, context) => {
  if (text === "") return undefined;
  const bytes = Buffer.from(text);
  return bytes.length >= SECRET_BYTES_MIN ? bytes : context.error(`at least ${SECRET_BYTES_MIN} bytes`);
});

const jwksFile = type("string").pipe((text, context) => {
  if (text === "") return undefined;
  return (
    readKeys(text) ??
    context.error(
      "the path of a JSON Web Key Set with public keys: RSA of 2048 bits or more, P-256 or Ed25519",
    )
  );
});

const optionalText = type("string").pipe((text) => text || undefined);

export const WALLET_SETTINGS: SettingsOf<WalletSettings> = {
  jwtSecret: {
    variable: "WALLET_JWT_SECRET",
    fallback: "",
    rule: jwtSecret,
    description:
      "Secret that signs the JSON Web Tokens of users (HS256), at least 32 bytes. Without it and `WALLET_JWKS_FILE` the wallet answers on loopback only, and `npm run waybill -- token USER` makes tokens.",
    isSecret: true,
  },
  jwks: {
    variable: "WALLET_JWKS_FILE",
    fallback: "",
    rule: jwksFile,
    description:
      "File with a JSON Web Key Set of public keys that check the tokens of users (RS256, ES256, EdDSA). It is read at the start and excludes `WALLET_JWT_SECRET`.",
    example: "/etc/waybill/jwks.json",
  },
  jwtIssuer: {
    variable: "WALLET_JWT_ISSUER",
    fallback: "",
    rule: optionalText,
    description: "Issuer that a token must name.",
    example: "https://login.example",
  },
  jwtAudience: {
    variable: "WALLET_JWT_AUDIENCE",
    fallback: "",
    rule: optionalText,
    description: "Audience that a token must name.",
    example: "waybill",
  },
  answerSeconds: {
    variable: "WALLET_ANSWER_SECONDS",
    fallback: "5",
    rule: integerBetween(1, 25),
    description:
      "Longest time that a caller waits for the decision on a command. After it the answer is 202.",
    unit: "seconds",
  },
};

/** Without any key, loopback callers only. */
export function checkWalletSettings(
  { jwtSecret, jwks }: Pick<WalletSettings, "jwtSecret" | "jwks">,
  reached: string | undefined,
): string[] {
  if (jwtSecret && jwks) return ["set either WALLET_JWT_SECRET or WALLET_JWKS_FILE, not both"];
  if (jwtSecret || jwks || reached === undefined) return [];
  return [`WALLET_JWT_SECRET or WALLET_JWKS_FILE must be set because ${reached}, which others can reach`];
}

/** @returns undefined if unreadable, empty, or with a private or secret key. */
function readKeys(path: string): JSONWebKeySet | undefined {
  try {
    const { keys } = JSON.parse(readFileSync(path, "utf8")) as JSONWebKeySet;
    // A private or secret key could sign tokens.
    if (keys.some(({ d, k }) => d !== undefined || k !== undefined)) return undefined;
    const usable = keys.filter(isUsable);
    return usable.length > 0 ? { keys: usable } : undefined;
  } catch {
    return undefined;
  }
}

/** Skips keys for other purposes. */
function isUsable(key: JWK): boolean {
  if (key.use !== undefined && key.use !== "sig") return false;
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey({
      key,
      format: "jwk",
    });
    if (type === "rsa") return (details?.modulusLength ?? 0) >= RSA_BITS_MIN;
    return type === "ed25519" || (type === "ec" && details?.namedCurve === "prime256v1");
  } catch {
    return false;
  }
}

/** RFC 7518, 3.3. */
const RSA_BITS_MIN = 2048;
