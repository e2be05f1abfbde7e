/** Tokens of the users that the tools act for. */
import { createHmac, randomBytes } from "node:crypto";

/** Of a running service, else random. */
export const SECRET = process.env.WALLET_JWT_SECRET || randomBytes(32).toString("base64url");

/**
 * A JWT (HS256). Not the service's code, so that the tools are an independent client.
 * Source: RFC 7515 (JWS compact serialization), RFC 7519 (claims).
 */
export function tokenOf(user: string): string {
  const known = tokens.get(user);
  if (known) return known;
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    sub: user,
    iat: now,
    exp: now + LIFETIME_SECONDS,
    ...(process.env.WALLET_JWT_ISSUER ? { iss: process.env.WALLET_JWT_ISSUER } : {}),
    ...(process.env.WALLET_JWT_AUDIENCE ? { aud: process.env.WALLET_JWT_AUDIENCE } : {}),
  };
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  const token = `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
  tokens.set(user, token);
  return token;
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
const tokens = new Map<string, string>();
const LIFETIME_SECONDS = 12 * 3600;
