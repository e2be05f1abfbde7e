/** `waybill token USER`, for development. */
import { SignJWT } from "jose";
import { integerBetween } from "../../config/rules.ts";
import type { DomainCommand } from "../../contract/domain.ts";
import { InvalidInputError } from "../../contract/errors.ts";
import { SECRET_ALGORITHM } from "./authenticate.ts";
import { ownerName } from "./commands.ts";
import { readDevelopmentSecret } from "./development-secret.ts";
import type { WalletSettings } from "./settings.ts";

/** Longer-lived tokens tend to leak. */
const WEEK_MINUTES = 7 * 24 * 60;

export const tokenCommand: DomainCommand<WalletSettings> = {
  name: "token",
  description: "Create a signed token of a wallet user for development.",
  arguments: [{ name: "user", description: "subject of the token", rule: ownerName }],
  options: [
    {
      name: "minutes",
      description: "validity of the token in minutes",
      rule: integerBetween(1, WEEK_MINUTES),
      fallback: "60",
    },
  ],
  run: (values, settings) => {
    const { user, minutes } = values as Readonly<{ user: string; minutes: number }>;
    return signToken(user, minutes, settings);
  },
};

/** @throws InvalidInputError if only public keys are configured. */
export async function signToken(
  user: string,
  minutes: number,
  settings: Omit<WalletSettings, "answerSeconds">,
  developmentSecret: () => Promise<Buffer> = readDevelopmentSecret,
): Promise<string> {
  const { jwtSecret, jwks, jwtIssuer, jwtAudience } = settings;
  if (jwks)
    throw new InvalidInputError("user", "WALLET_JWKS_FILE holds public keys, which cannot sign tokens");
  const token = new SignJWT()
    .setProtectedHeader({ alg: SECRET_ALGORITHM, typ: "JWT" })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime(`${minutes} minutes`);
  if (jwtIssuer !== undefined) token.setIssuer(jwtIssuer);
  if (jwtAudience !== undefined) token.setAudience(jwtAudience);
  return token.sign(jwtSecret ?? (await developmentSecret()));
}
