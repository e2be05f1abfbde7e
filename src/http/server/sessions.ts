/**
 * Sessions of signed-in operators. A cookie holds a random id and its issue time, signed with a key derived from
 * ADMIN_TOKEN. So every process can verify it, it expires after twelve hours, and a new token ends all sessions.
 * Sign-out stores the id in the database, which every process checks before it answers.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isEqual } from "../../contract/values/secrets.ts";
import type { Queryable } from "../../database/queryable.ts";
import { insertEndedSession, isSessionEnded } from "./ended-sessions-table.ts";

export type Session = Readonly<{ id: string; expiresAtMs: number }>;

export type SessionsOptions = Readonly<{
  adminToken: string | undefined;
  database: Queryable;
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

  /** @returns the `Set-Cookie` header of a new session. */
  begin(isSecure: boolean): string {
    const signed = `${randomBytes(16).toString("base64url")}.${Math.floor(this.#now() / 1000)}`;
    const value = `${signed}.${this.#sign(signed)}`;
    return `${COOKIE}=${value}; Max-Age=${SESSION_SECONDS}; ${ATTRIBUTES}${isSecure ? "; Secure" : ""}`;
  }

  /** Checks signature and expiry only; see `isOver`. */
  read({ headers }: IncomingMessage): Session | undefined {
    if (headers.cookie === undefined || this.#key === undefined) return undefined;
    // A cookie of this name from a sibling host must not hide the valid one.
    for (const cookie of headers.cookie.split(";")) {
      const [, signed, id, issued, signature] = PATTERN.exec(cookie.trim()) ?? [];
      if (!signed || !id || !issued || !signature || !isEqual(signature, this.#sign(signed))) continue;
      const expiresAtMs = (Number(issued) + SESSION_SECONDS) * 1000;
      if (expiresAtMs > this.#now()) return { id, expiresAtMs };
    }
    return undefined;
  }

  /** @throws DatabaseError */
  async isOver({ id, expiresAtMs }: Session): Promise<boolean> {
    return expiresAtMs <= this.#now() || isSessionEnded(this.#database, id);
  }

  /** @throws DatabaseError if the session stays valid. */
  end({ id, expiresAtMs }: Session): Promise<void> {
    return insertEndedSession(this.#database, id, new Date(expiresAtMs));
  }

  #sign(text: string): string {
    return createHmac("sha256", this.#key as Buffer)
      .update(text)
      .digest("base64url");
  }
}

export function expiredCookie(): string {
  return `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}`;
}

const COOKIE = "waybill_session";
const ATTRIBUTES = "Path=/; HttpOnly; SameSite=Strict";
const PATTERN = new RegExp(`^${COOKIE}=(([\\w-]{22})\\.(\\d{1,12}))\\.([\\w-]{43})$`);

/** A working day. */
const SESSION_SECONDS = 12 * 60 * 60;
