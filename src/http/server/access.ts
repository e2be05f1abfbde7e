/**
 * Access control: a request enters; it passes, or an error says why it is refused. A token comes as
 * `Authorization: Bearer` or, from the pages, as a session cookie that scripts cannot read. Without configured tokens
 * every route is open; the configuration allows that on loopback only. Requests of other sites: see origins.ts.
 */
import type { IncomingMessage } from "node:http";
import { NotAllowedError } from "../../contract/errors.ts";
import type { Access, Credential, Request, Route } from "../../contract/route.ts";
import { isEqual } from "../../contract/values/secrets.ts";
import type { Origins } from "./origins.ts";
import type { Sessions } from "./sessions.ts";
import type { TokenGuessLimiter } from "./token-guess-limiter.ts";

export type Tokens = Readonly<{ adminToken: string | undefined; ingressToken: string | undefined }>;

export type AccessGuards = Readonly<{
  tokens: Tokens;
  attempts: TokenGuessLimiter;
  origins: Origins;
  sessions: Sessions;
}>;

type Asking = IncomingMessage & Pick<Request, "isOperator" | "isStillAllowed" | "subject" | "query">;

/**
 * @returns a promise only for sessions and domain tokens; a configured token costs no turn of the event loop.
 * @throws ForbiddenError, NotAllowedError, TooManyAttemptsError
 */
export function checkAccess(
  request: Asking,
  route: Pick<Route, "access" | "openWith" | "kind">,
  guards: AccessGuards,
): void | Promise<void> {
  const { kind, openWith } = route;
  const access = openWith !== undefined && request.query[openWith] !== undefined ? "open" : route.access;
  const { tokens, origins, sessions } = guards;
  const isChange = request.method !== "GET" && request.method !== "HEAD";
  if (isChange) origins.checkChange(request);
  // Beyond loopback, open routes accept unknown host names.
  const isForAll = !isChange && access === "open" && (kind !== undefined || !origins.isOnLoopback);
  const isCredential = typeof access === "object";
  if (!isForAll && !isCredential && !hasAnyToken(request, tokens)) origins.checkHost(request);
  if (access === "open") return;
  if (!isChange) origins.checkRead(request);
  if (isCredential) return checkCredential(request, access, guards);
  const isOperator = tokens.adminToken === undefined || hasToken(request, tokens.adminToken);
  const session = isOperator || access === "ingress" ? undefined : sessions.read(request);
  if (session === undefined) return decide(request, access, guards, isOperator);
  return sessions.isOver(session).then((isOver) => {
    request.isStillAllowed = async () => !(await sessions.isOver(session));
    return decide(request, access, guards, !isOver);
  });
}

function decide(
  request: Asking,
  access: Exclude<Access, Credential>,
  guards: AccessGuards,
  isOperator: boolean,
): void | Promise<void> {
  const { ingressToken } = guards.tokens;
  const isIngress = ingressToken === undefined || hasToken(request, ingressToken);
  const isAllowed =
    access === "operator" ? isOperator : access === "ingress" ? isIngress : isOperator || isIngress;
  if (!isAllowed) return refuse(request, tokenNeeded(), guards);
  request.isOperator = isOperator;
}

async function checkCredential(request: Asking, credential: Credential, guards: AccessGuards): Promise<void> {
  try {
    const token = bearerOf(request);
    const subject = token === undefined ? undefined : await credential.authenticate(token);
    if (subject === undefined) throw tokenNeeded();
    request.subject = subject;
  } catch (error) {
    if (!(error instanceof NotAllowedError)) throw error;
    await refuse(request, error, guards);
  }
}

/** A request without a token, or with another route's token, does not count as a guess. */
async function refuse(
  request: Asking,
  refusal: NotAllowedError,
  { tokens, attempts }: AccessGuards,
): Promise<never> {
  if (request.headers.authorization === undefined) throw refusal;
  if (hasAnyToken(request, tokens)) throw new NotAllowedError("the token is valid, but not for this route");
  await attempts.count(request);
  throw refusal;
}

function tokenNeeded(): NotAllowedError {
  return new NotAllowedError("a valid token is required: Authorization: Bearer <token>");
}

/** Browsers never add a bearer token themselves, so no host check is needed. */
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
