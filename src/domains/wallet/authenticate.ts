/**
 * A bearer token (JWT) enters, the user that it proves leaves. The configured key decides the algorithms, never the
 * token; otherwise `none`, or a public key used as a secret, would pass.
 * Source: RFC 8725, JSON Web Token Best Current Practices.
 */
import { createLocalJWKSet, errors, type JWTVerifyOptions, jwtVerify } from "jose";
import { type } from "../../config/types.ts";
import { NotAllowedError } from "../../contract/errors.ts";
import type { Credential } from "../../contract/route.ts";
import { ownerName } from "./commands.ts";
import { readDevelopmentSecret } from "./development-secret.ts";
import type { WalletSettings } from "./settings.ts";

export type TokenSettings = Pick<WalletSettings, "jwtSecret" | "jwks" | "jwtIssuer" | "jwtAudience">;

/** @param developmentSecret used if no key is configured. */
export function walletUser(
  settings: TokenSettings,
  now: () => Date = () => new Date(),
  developmentSecret: () => Promise<Buffer> = readDevelopmentSecret,
): Credential {
  const verify = createVerifier(settings, developmentSecret);
  const proved = new ProvedTokens();
  return {
    name: "wallet_user",
    description:
      "A JSON Web Token with the user as its subject and an expiry. In development, `npm run waybill -- token USER` creates one.",
    authenticate: async (token) => {
      if (token.length > TOKEN_LENGTH_MAX) return undefined;
      const known = proved.subjectOf(token, now());
      if (known !== undefined) return known;
      const { jwtIssuer: issuer, jwtAudience: audience } = settings;
      try {
        const { payload } = await verify(token, {
          requiredClaims: ["sub", "exp"],
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: now(),
          ...(issuer === undefined ? {} : { issuer }),
          ...(audience === undefined ? {} : { audience }),
        });
        const subject = ownerName(payload.sub);
        if (subject instanceof type.errors) return undefined;
        proved.keep(token, { subject, expiresAtMs: (payload.exp as number) * 1000 });
        return subject;
      } catch (error) {
        return refuse(error);
      }
    },
  };
}

type Verify = (
  token: string,
  options: JWTVerifyOptions,
) => Promise<{ payload: { sub?: string; exp?: number } }>;

function createVerifier(
  { jwtSecret, jwks }: TokenSettings,
  developmentSecret: () => Promise<Buffer>,
): Verify {
  if (jwks) {
    const keys = createLocalJWKSet(jwks);
    return async (token, options) => {
      const asked = { ...options, algorithms: [...PUBLIC_KEY_ALGORITHMS] };
      try {
        return await jwtVerify(token, keys, asked);
      } catch (error) {
        if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
        return verifyByAny(token, error, asked);
      }
    };
  }
  let secret: Promise<CryptoKey> | undefined;
  return async (token, options) => {
    secret ??= (jwtSecret ? Promise.resolve(jwtSecret) : developmentSecret()).then(importSecret);
    // Perhaps readable next time.
    const key = await secret.catch((error) => {
      secret = undefined;
      throw error;
    });
    return jwtVerify(token, key, { ...options, algorithms: [SECRET_ALGORITHM] });
  };
}

/** Verified tokens. Users repeat them, and verifying costs as much as the rest of a request. */
class ProvedTokens {
  readonly #tokens = new Map<string, Readonly<{ subject: string; expiresAtMs: number }>>();

  subjectOf(token: string, now: Date): string | undefined {
    const known = this.#tokens.get(token);
    return known && now.getTime() < known.expiresAtMs ? known.subject : undefined;
  }

  keep(token: string, proof: Readonly<{ subject: string; expiresAtMs: number }>): void {
    this.#tokens.set(token, proof);
    const [oldest = ""] = this.#tokens.keys();
    if (this.#tokens.size > PROVED_TOKENS_MAX) this.#tokens.delete(oldest);
  }
}

/** Without a key id: tries each matching key. */
async function verifyByAny(
  token: string,
  keys: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): ReturnType<Verify> {
  for await (const key of keys) {
    try {
      return await jwtVerify(token, key, options);
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

/** Costs more than verifying, so done once. */
function importSecret(secret: Buffer): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", new Uint8Array(secret), algorithm, false, ["verify"]);
}

/** Explains errors of correctly signed tokens only. */
function refuse(error: unknown): undefined {
  if (error instanceof errors.JWTExpired) throw new NotAllowedError("the token has expired");
  if (error instanceof errors.JWTClaimValidationFailed) {
    throw new NotAllowedError(
      `the token is not for this service, or not yet: its claim ${error.claim} is wrong`,
    );
  }
  if (error instanceof errors.JOSEError) return undefined;
  throw error;
}

export const SECRET_ALGORITHM = "HS256";
const PUBLIC_KEY_ALGORITHMS = ["RS256", "ES256", "EdDSA"] as const;

/** Clocks differ by less. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** A few megabytes. */
const PROVED_TOKENS_MAX = 10_000;

/** Ten times a token with all claims read here. */
const TOKEN_LENGTH_MAX = 4_096;
