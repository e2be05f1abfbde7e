/**
 * Who may ask. Tokens come as `Authorization: Bearer`, or, for the page, as a cookie that no script can read. Where
 * no token is set every route is open, which the configuration allows on loopback only.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { NotAllowedError } from "../../contract/errors.ts";
import type { Access, Request } from "../../contract/route.ts";
import type { Attempts } from "./attempts.ts";

export type Tokens = Readonly<{ adminToken: string | undefined; ingressToken: string | undefined }>;

/**
 * @returns a promise only where something has to be waited for, which no right token has to.
 * @throws NotAllowedError, TooManyAttemptsError
 */
export function checkAccess(
  request: IncomingMessage & Pick<Request, "isOperator">,
  access: Access,
  tokens: Tokens,
  attempts: Attempts,
): void | Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") checkOrigin(request);
  if (access === "open") return;
  const { adminToken, ingressToken } = tokens;
  const isOperator =
    adminToken === undefined || hasToken(request, adminToken) || hasSession(request, adminToken);
  const isIngress = ingressToken === undefined || hasToken(request, ingressToken);
  const isAllowed =
    access === "operator" ? isOperator : access === "ingress" ? isIngress : isOperator || isIngress;
  if (isAllowed) {
    request.isOperator = isOperator;
    return;
  }
  // Whoever gives no token at all tries none out.
  if (request.headers.authorization === undefined) throw tokenNeeded();
  return attempts.check(request).then(async () => {
    await attempts.fail(request);
    throw tokenNeeded();
  });
}

function tokenNeeded(): NotAllowedError {
  return new NotAllowedError("a valid token is needed: Authorization: Bearer <token>");
}

/** The cookie of a signed-in operator: derived from the token, so it ends when the token changes. */
export function sessionCookie(adminToken: string): string {
  return `${COOKIE}=${sessionOf(adminToken)}; Path=/; HttpOnly; SameSite=Strict`;
}

export function expiredSessionCookie(): string {
  return `${COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`;
}

/** Compares in a time that does not depend on where the texts differ. */
export function isEqual(given: string, expected: string): boolean {
  const digest = (text: string) => createHmac("sha256", "compare").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** A page of another origin must not act in the name of whoever has this one open. */
function checkOrigin(request: IncomingMessage): void {
  const { origin, host } = request.headers;
  if (origin === undefined) return;
  if (!URL.canParse(origin) || new URL(origin).host !== host) {
    throw new NotAllowedError("requests of another origin are refused");
  }
}

function hasToken(request: IncomingMessage, token: string): boolean {
  const match = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "");
  return match !== null && isEqual(match[1] as string, token);
}

function hasSession(request: IncomingMessage, adminToken: string): boolean {
  const cookies = (request.headers.cookie ?? "").split(";").map((cookie) => cookie.trim().split("="));
  const given = cookies.find(([name]) => name === COOKIE)?.[1];
  return given !== undefined && isEqual(given, sessionOf(adminToken));
}

function sessionOf(adminToken: string): string {
  return createHmac("sha256", adminToken).update("waybill operator session").digest("base64url");
}

const COOKIE = "waybill_session";
