/**
 * The tokens that the service accepts: ADMIN_TOKEN, INGRESS_TOKEN and those of OPERATORS_FILE. A token enters; the caller
 * with role and rights leaves. Without any tokens every right is everyone's; the configuration allows that on loopback
 * only.
 */
import { timingSafeEqual } from "node:crypto";
import { digestOf, type NamedToken, type Role } from "../../config/operators-file.ts";

/** To read masked data, to change and to see unmasked data, to post messages. */
export type Right = "read" | "act" | "post";

export type Caller = Readonly<{
  /** Undefined for ADMIN_TOKEN and INGRESS_TOKEN. */
  name: string | undefined;
  role: Role;
  rights: readonly Right[];
  digest: Buffer;
}>;

export type TokensOptions = Readonly<{
  adminToken: string | undefined;
  ingressToken: string | undefined;
  /** Undefined without a file; an empty list closes all routes that need a token. */
  named: readonly NamedToken[] | undefined;
}>;

export class Tokens {
  readonly #shared: readonly Caller[];
  #named: readonly Caller[] = [];
  /** The rights of a caller without a token. */
  readonly anonymousRights: readonly Right[];

  constructor({ adminToken, ingressToken, named }: TokensOptions) {
    this.#shared = [
      ...(adminToken === undefined ? [] : [sharedCaller(adminToken, "operator", ["read", "act"])]),
      ...(ingressToken === undefined ? [] : [sharedCaller(ingressToken, "ingress", ["post"])]),
    ];
    const isOpen = (token: string | undefined) => token === undefined && named === undefined;
    this.anonymousRights = [
      ...(isOpen(adminToken) ? (["read", "act"] as const) : []),
      ...(isOpen(ingressToken) ? (["post"] as const) : []),
    ];
    this.replaceNamed(named ?? []);
  }

  replaceNamed(named: readonly NamedToken[]): void {
    this.#named = named.map(({ name, role, digest }) => ({ name, role, digest, rights: RIGHTS[role] }));
  }

  /** Whether a shared token is also one of these, so that its caller would be ambiguous. */
  hasSharedAmong(named: readonly NamedToken[]): boolean {
    return named.some(({ digest }) => this.#shared.some((shared) => shared.digest.equals(digest)));
  }

  /** In constant time: compares with every token. */
  callerOf(token: string): Caller | undefined {
    const digest = digestOf(token);
    let found: Caller | undefined;
    for (const caller of [...this.#shared, ...this.#named])
      if (timingSafeEqual(caller.digest, digest)) found = caller;
    return found;
  }

  /** @param name of a session; null for ADMIN_TOKEN. */
  callerNamed(name: string | null): Caller | undefined {
    return name === null
      ? this.#shared.find(({ role }) => role === "operator")
      : this.#named.find((caller) => caller.name === name);
  }

  namesWith(role: Role): string[] {
    return this.#named.flatMap((caller) => (caller.role === role ? [caller.name as string] : []));
  }
}

function sharedCaller(token: string, role: Role, rights: readonly Right[]): Caller {
  return { name: undefined, role, rights, digest: digestOf(token) };
}

const RIGHTS: Readonly<Record<Role, readonly Right[]>> = {
  reader: ["read"],
  operator: ["read", "act", "post"],
  ingress: ["post"],
};
