/**
 * Sessions of signed-in operators, in the database, so that signing out ends one in every process. A session has the name
 * and the current role of its token. It ends after twelve hours, and when its token is changed or removed.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Queryable } from "../../database/queryable.ts";
import { deleteSessions, insertSession, selectSessions } from "./sessions-table.ts";
import type { Caller, Tokens } from "./tokens.ts";

export class Sessions {
  readonly #database: Queryable;
  readonly #tokens: Tokens;

  constructor(database: Queryable, tokens: Tokens) {
    this.#database = database;
    this.#tokens = tokens;
  }

  /** @returns the `Set-Cookie` header of a new session. @throws DatabaseError */
  async begin({ name, digest }: Caller, isSecure: boolean): Promise<string> {
    const secret = randomBytes(32).toString("base64url");
    await insertSession(
      this.#database,
      { id: idOf(secret), name: name ?? null, tokenMac: macOf(secret, digest) },
      SESSION_SECONDS,
    );
    return `${COOKIE}=${secret}; Max-Age=${SESSION_SECONDS}; ${ATTRIBUTES}${isSecure ? "; Secure" : ""}`;
  }

  /** The caller of the request's session; undefined if it has none. @throws DatabaseError */
  async callerOf(request: IncomingMessage): Promise<Caller | undefined> {
    const secrets = secretsIn(request);
    if (secrets.length === 0) return undefined;
    const rows = await selectSessions(this.#database, secrets.map(idOf));
    for (const { id, name, tokenMac } of rows) {
      const secret = secrets.find((candidate) => idOf(candidate).equals(id));
      const caller = this.#tokens.callerNamed(name);
      if (secret && caller && timingSafeEqual(macOf(secret, caller.digest), tokenMac)) return caller;
    }
    return undefined;
  }

  /** @throws DatabaseError if the session stays valid. */
  async end(request: IncomingMessage): Promise<void> {
    const secrets = secretsIn(request);
    if (secrets.length > 0) await deleteSessions(this.#database, secrets.map(idOf));
  }
}

export function hasSessionCookie(request: IncomingMessage): boolean {
  return secretsIn(request).length > 0;
}

/** A cookie of this name from a sibling host must not hide the valid one. */
function secretsIn({ headers: { cookie } }: IncomingMessage): string[] {
  if (cookie === undefined) return [];
  const secrets = cookie.split(";").flatMap((part) => PATTERN.exec(part.trim())?.[1] ?? []);
  return secrets.slice(0, COOKIES_MAX);
}

function idOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

function macOf(secret: string, tokenDigest: Buffer): Buffer {
  return createHmac("sha256", secret).update(tokenDigest).digest();
}

export function expiredCookie(): string {
  return `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}`;
}

const COOKIE = "waybill_session";
const ATTRIBUTES = "Path=/; HttpOnly; SameSite=Strict";
const PATTERN = new RegExp(`^${COOKIE}=([\\w-]{43})$`);

/** Bounds the query; a browser sends one for each parent domain at most. */
const COOKIES_MAX = 8;

/** A working day. */
const SESSION_SECONDS = 12 * 60 * 60;
