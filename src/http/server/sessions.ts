/**
 * Sessions of signed-in operators. A cookie holds a random id and the time of its issue, signed with a key that is made
 * of ADMIN_TOKEN: so every process knows it without a word, it ends after twelve hours, and all end when the token
 * changes. Signing out writes the id into the database, where every process looks before it answers.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isEqual } from "../../contract/values/secrets.ts";
import type { Queryable } from "../../database/queryable.ts";
import { insertEndedSession, isSessionEnded } from "./ended-sessions-table.ts";

export type Session = Readonly<{ id: string; expiresAtMs: number }>;

export type SessionsOptions = Readonly<{
  /** Undefined if nobody has to sign in. */
  adminToken: string | undefined;
  database: Queryable;
  /** Milliseconds since the Unix epoch. */
  now?: () => number;
}>;

export class Sessions {
  readonly #key: Buffer | undefined;
  readonly #database: Queryable;
  readonly #now: () => number;

  constructor({ adminToken, database, now = Date.now }: SessionsOptions) {
    this.#key =
      adminToken === undefined
        ? undefined
        : createHmac("sha256", adminToken).update("waybill operator sessions").digest();
    this.#database = database;
    this.#now = now;
  }

  /** @returns the header that gives the browser a new session. */
  begin(isSecure: boolean): string {
    const signed = `${randomBytes(16).toString("base64url")}.${Math.floor(this.#now() / 1000)}`;
    const value = `${signed}.${this.#sign(signed)}`;
    return `${COOKIE}=${value}; Max-Age=${SESSION_SECONDS}; ${ATTRIBUTES}${isSecure ? "; Secure" : ""}`;
  }

  /** The session of a request if its signature is right and it has not expired; whether it was ended is not known yet. */
  read({ headers }: IncomingMessage): Session | undefined {
    if (headers.cookie === undefined || this.#key === undefined) return undefined;
    // Another host of the same domain can add a cookie of this name; it must not hide the right one.
    for (const cookie of headers.cookie.split(";")) {
      const [, signed, id, issued, signature] = PATTERN.exec(cookie.trim()) ?? [];
      if (!signed || !id || !issued || !signature || !isEqual(signature, this.#sign(signed))) continue;
      const expiresAtMs = (Number(issued) + SESSION_SECONDS) * 1000;
      if (expiresAtMs > this.#now()) return { id, expiresAtMs };
    }
    return undefined;
  }

  /** Whether a session is over: expired, or ended by signing out. @throws DatabaseError if that cannot be known. */
  async isOver({ id, expiresAtMs }: Session): Promise<boolean> {
    return expiresAtMs <= this.#now() || isSessionEnded(this.#database, id);
  }

  /** Ends a session in every process. @throws DatabaseError if it goes on. */
  end({ id, expiresAtMs }: Session): Promise<void> {
    return insertEndedSession(this.#database, id, new Date(expiresAtMs));
  }

  #sign(text: string): string {
    return createHmac("sha256", this.#key as Buffer)
      .update(text)
      .digest("base64url");
  }
}

/** The header that takes the session out of the browser. */
export function expiredCookie(): string {
  return `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}`;
}

const COOKIE = "waybill_session";
const ATTRIBUTES = "Path=/; HttpOnly; SameSite=Strict";
const PATTERN = new RegExp(`^${COOKIE}=(([\\w-]{22})\\.(\\d{1,12}))\\.([\\w-]{43})$`);

/** A working day. */
const SESSION_SECONDS = 12 * 60 * 60;
