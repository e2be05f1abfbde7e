/**
 * Signs tokens if no key is configured (loopback only): random, in a file that only its owner can read, shared by
 * the service and `waybill token` of one checkout.
 */
import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { NotAllowedError } from "../../contract/errors.ts";

export const DEVELOPMENT_SECRET_FILE = fileURLToPath(
  new URL("../../../.data/wallet-development-secret", import.meta.url),
);

/** @throws NotAllowedError with advice. */
export async function readDevelopmentSecret(file = DEVELOPMENT_SECRET_FILE): Promise<Buffer> {
  try {
    return (await readPrivate(file)) ?? (await make(file));
  } catch (error) {
    if (error instanceof NotAllowedError) throw error;
    throw new NotAllowedError("no key is set: set WALLET_JWT_SECRET or WALLET_JWKS_FILE");
  }
}

async function make(file: string): Promise<Buffer> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  await writeFile(draft, randomBytes(SECRET_BYTES).toString("base64url"), { mode: 0o600, flag: "wx" });
  // Linking is atomic: concurrent processes create one file.
  await link(draft, file).catch(ignoreIfCode("EEXIST"));
  await rm(draft);
  return (await readPrivate(file)) as Buffer;
}

async function readPrivate(file: string): Promise<Buffer | undefined> {
  const found = await stat(file).catch(ignoreIfCode("ENOENT"));
  if (!found) return undefined;
  if ((found.mode & 0o077) !== 0)
    throw new NotAllowedError(`other users can read ${file}: delete it, or run chmod 600 on it`);
  return readFile(file);
}

function ignoreIfCode(code: string) {
  return (error: NodeJS.ErrnoException): undefined => {
    if (error.code !== code) throw error;
  };
}

const SECRET_BYTES = 48;
