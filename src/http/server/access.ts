/**
 * Who may ask. Tokens come as `Authorization: Bearer`, or, for the page, as a cookie that no script can read. If no
 * token is set every route is open, which the configuration allows on loopback only. What a browser adds by itself
 * counts only if this service's own page asks: see origins.ts.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { NotAllowedError } from "../../contract/errors.ts";
import type { Credential, Request, Route } from "../../contract/route.ts";
import type { Attempts } from "./attempts.ts";
import type { Origins } from "./origins.ts";

type Asking = IncomingMessage & Pick<Request, "isOperator" | "subject">;

export type Tokens = Readonly<{ adminToken: string | undefined; ingressToken: string | undefined }>;

/** What decides about a request. */
export type Door = Readonly<{ tokens: Tokens; attempts: Attempts; origins: Origins }>;

/**
 * @returns a promise only where something has to be waited for, which no right token has to.
 * @throws ForbiddenError, NotAllowedError, TooManyAttemptsError
 */
export function checkAccess(
  request: Asking,
  { access, kind }: Pick<Route, "access" | "kind">,
  { tokens, attempts, origins }: Door,
): void | Promise<void> {
  const isChange = request.method !== "GET" && request.method !== "HEAD";
  if (isChange) origins.checkChange(request);
  // Beyond loopback, an open route is open to whoever can reach it, by the names that others call this machine.
  const isForAll = !isChange && access === "open" && (kind !== undefined || !origins.isOnLoopback);
  const isCredential = typeof access === "object";
  if (!isForAll && !isCredential && !hasAnyToken(request, tokens)) origins.checkHost(request);
  if (access === "open") return;
  if (!isChange) origins.checkRead(request);
  if (isCredential) return checkCredential(request, access, attempts);
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
  return refuse(request, tokenNeeded(), attempts);
}

/** Asks the domain whose token it is. */
async function checkCredential(request: Asking, credential: Credential, attempts: Attempts): Promise<void> {
  try {
    const token = bearerOf(request);
    const subject = token === undefined ? undefined : await credential.authenticate(token);
    if (subject === undefined) throw tokenNeeded();
    request.subject = subject;
  } catch (error) {
    if (!(error instanceof NotAllowedError)) throw error;
    await refuse(request, error, attempts);
  }
}

/** Counts a wrong token; a caller that gives none at all tries none out. */
async function refuse(request: Asking, refusal: NotAllowedError, attempts: Attempts): Promise<never> {
  if (request.headers.authorization === undefined) throw refusal;
  await attempts.check(request);
  await attempts.fail(request);
  throw refusal;
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

/** No browser adds a bearer token by itself. */
function hasAnyToken(request: IncomingMessage, { adminToken, ingressToken }: Tokens): boolean {
  if (request.headers.authorization === undefined) return false;
  return [adminToken, ingressToken].some((token) => token !== undefined && hasToken(request, token));
}

function hasToken(request: IncomingMessage, token: string): boolean {
  const given = bearerOf(request);
  return given !== undefined && isEqual(given, token);
}

function bearerOf(request: IncomingMessage): string | undefined {
  return /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
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
