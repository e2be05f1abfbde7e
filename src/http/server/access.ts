/**
 * Access control: a request enters; it passes, or an error says why it is refused. A token comes as
 * `Authorization: Bearer` or, from the pages, as a session cookie that scripts cannot read. tokens.ts says which rights a
 * token gives. Requests of other sites: see origins.ts.
 */
import type { IncomingMessage } from "node:http";
import { NotAllowedError, RoleError } from "../../contract/errors.ts";
import type { Access, Credential, Request, Route } from "../../contract/route.ts";
import type { Origins } from "./origins.ts";
import { hasSessionCookie, type Sessions } from "./sessions.ts";
import type { TokenGuessLimiter } from "./token-guess-limiter.ts";
import type { Caller, Right, Tokens } from "./tokens.ts";

export type AccessGuards = Readonly<{
  tokens: Tokens;
  attempts: TokenGuessLimiter;
  origins: Origins;
  sessions: Sessions;
}>;

type Asking = IncomingMessage &
  Pick<Request, "isOperator" | "isStillAllowed" | "signer" | "subject" | "query">;

/**
 * @returns a promise only for sessions and domain tokens; a configured token costs no turn of the event loop.
 * @throws ForbiddenError, NotAllowedError, RoleError, TooManyAttemptsError
 */
export function checkAccess(
  request: Asking,
  route: Pick<Route, "access" | "openWith" | "revealWith" | "kind">,
  guards: AccessGuards,
): void | Promise<void> {
  const { kind } = route;
  const access = accessTo(route, request);
  const { tokens, origins, sessions } = guards;
  const isChange = request.method !== "GET" && request.method !== "HEAD";
  if (isChange) origins.checkChange(request);
  // Beyond loopback, open routes accept unknown host names.
  const isForAll = !isChange && access === "open" && (kind !== undefined || !origins.isOnLoopback);
  const isCredential = typeof access === "object";
  const bearer = isForAll || isCredential ? undefined : bearerCaller(request, tokens);
  // Browsers never add a bearer token themselves, so no host check is needed.
  if (!isForAll && !isCredential && bearer === undefined) origins.checkHost(request);
  if (access === "open") return;
  if (!isChange) origins.checkRead(request);
  if (isCredential) return checkCredential(request, access, guards);
  if (mayUse(access, bearer, tokens)) return admit(request, bearer, guards);
  if (access === "ingress" || !hasSessionCookie(request)) return refuse(request, access, bearer, guards);
  return sessions.callerOf(request).then(async (caller) => {
    if (!mayUse(access, caller, tokens)) await refuse(request, access, caller ?? bearer, guards);
    admit(request, caller, guards);
    request.isStillAllowed = async () => mayUse(access, await sessions.callerOf(request), tokens);
  });
}

function accessTo(
  { access, openWith, revealWith }: Pick<Route, "access" | "openWith" | "revealWith">,
  { query }: Asking,
) {
  if (openWith !== undefined && query[openWith] !== undefined) return "open";
  return revealWith !== undefined && query[revealWith] !== undefined ? "operator" : access;
}

/** Of the token or the session; undefined if there is neither. @throws DatabaseError */
export async function identify(
  request: IncomingMessage,
  { tokens, sessions }: AccessGuards,
): Promise<Caller | undefined> {
  return bearerCaller(request, tokens) ?? (await sessions.callerOf(request));
}

function mayUse(
  access: Exclude<Access, Credential>,
  caller: Caller | undefined,
  { anonymousRights }: Tokens,
) {
  return NEEDED[access].some((right) => anonymousRights.includes(right) || caller?.rights.includes(right));
}

function admit(request: Asking, caller: Caller | undefined, { tokens }: AccessGuards): void {
  request.isOperator = mayUse("reader", caller, tokens);
  if (caller?.name === undefined) return;
  request.signer = caller.name;
  // The file can change while a long answer is sent.
  request.isStillAllowed = async () =>
    tokens.callerNamed(caller.name as string)?.digest.equals(caller.digest) ?? false;
}

async function checkCredential(request: Asking, credential: Credential, guards: AccessGuards): Promise<void> {
  const token = bearerOf(request);
  try {
    const subject = token === undefined ? undefined : await credential.authenticate(token);
    if (subject === undefined) throw tokenNeeded();
    request.subject = subject;
  } catch (error) {
    if (!(error instanceof NotAllowedError)) throw error;
    await countGuess(request, bearerCaller(request, guards.tokens), guards);
    throw error;
  }
}

/** @throws always */
async function refuse(
  request: Asking,
  access: Exclude<Access, Credential>,
  caller: Caller | undefined,
  guards: AccessGuards,
): Promise<never> {
  if (caller?.name !== undefined) throw roleNeeded(access, caller, guards.tokens);
  await countGuess(request, caller, guards);
  throw tokenNeeded();
}

/** A request without a token, or with another route's token, does not count as a guess. */
async function countGuess(
  request: Asking,
  caller: Caller | undefined,
  { attempts }: AccessGuards,
): Promise<void> {
  if (request.headers.authorization === undefined) return;
  if (caller !== undefined) throw new NotAllowedError("the token is valid, but not for this route");
  await attempts.count(request);
}

function tokenNeeded(): NotAllowedError {
  return new NotAllowedError("a valid token is required: Authorization: Bearer <token>");
}

/** Says who can, to those who see the names of operators anyway. */
function roleNeeded(
  access: Exclude<Access, Credential>,
  { name, role, rights }: Caller,
  tokens: Tokens,
): RoleError {
  const needed = access === "reader" || access === "ingress" ? access : "operator";
  const names = rights.includes("read") ? tokens.namesWith(needed).slice(0, NAMES_SHOWN) : [];
  const able = names.length > 0 ? `; those with that role: ${names.join(", ")}` : "";
  return new RoleError(
    role,
    needed,
    `${name} has the role ${role}, but this needs the role ${needed}${able}`,
  );
}

function bearerCaller(request: IncomingMessage, tokens: Tokens): Caller | undefined {
  const token = bearerOf(request);
  return token === undefined ? undefined : tokens.callerOf(token);
}

function bearerOf(request: IncomingMessage): string | undefined {
  return /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
}

/** One of these rights suffices. */
const NEEDED: Readonly<Record<Exclude<Access, Credential>, readonly Right[]>> = {
  open: [],
  reader: ["read"],
  operator: ["act"],
  ingress: ["post"],
  "operator or ingress": ["read", "post"],
};

const NAMES_SHOWN = 5;
