import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JSONWebKeySet } from "jose";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../../src/config/config.ts";
import { ConfigError } from "../../../src/config/read.ts";
import { NotAllowedError } from "../../../src/contract/errors.ts";
import { type TokenSettings, walletUser } from "../../../src/domains/wallet/authenticate.ts";
import { readDevelopmentSecret } from "../../../src/domains/wallet/development-secret.ts";
import { wallet } from "../../../src/domains/wallet/index.ts";
import { signToken } from "../../../src/domains/wallet/token-command.ts";

const SECRET = "a secret of the tests, 32 bytes and more";
const NOW = Math.floor(Date.UTC(2026, 0, 1) / 1000);
const CLAIMS = { sub: "ann", exp: NOW + 60 };

const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");

/** Libraries refuse to build wrong ones. */
function tokenOf(claims: unknown, header: object, signature: (text: string) => Buffer | string): string {
  const text = `${encode(header)}.${encode(claims)}`;
  const signed = signature(text);
  return `${text}.${typeof signed === "string" ? signed : signed.toString("base64url")}`;
}
const hmac =
  (secret: string | Buffer, hash = "sha256") =>
  (text: string) =>
    createHmac(hash, secret).update(text).digest();
const hs256 = (claims: unknown, secret: string | Buffer = SECRET, header: object = { alg: "HS256" }) =>
  tokenOf(claims, header, hmac(secret));

const EMPTY: TokenSettings = {
  jwtSecret: undefined,
  jwks: undefined,
  jwtIssuer: undefined,
  jwtAudience: undefined,
};
const BY_SECRET: TokenSettings = { ...EMPTY, jwtSecret: Buffer.from(SECRET) };
const noSecret = async (): Promise<Buffer> =>
  assert.unreachable("the development secret was asked for") as never;

/** @returns the user or the refusal's text, else `nobody`. */
async function proved(token: string, settings: TokenSettings = BY_SECRET): Promise<string> {
  const { authenticate } = walletUser(settings, () => new Date(NOW * 1000), noSecret);
  return (await authenticate(token).catch(sentenceOf)) ?? "nobody";
}
function sentenceOf(error: unknown): string {
  assert.instance(error, NotAllowedError);
  return (error as Error).message;
}

const authenticate = suite("authenticate");

authenticate("a token that the secret signed proves its subject", async () => {
  assert.is(await proved(hs256(CLAIMS)), "ann");
  assert.is(await proved(hs256({ ...CLAIMS, sub: "!~".repeat(32), nbf: NOW, iat: NOW })), "!~".repeat(32));
});

authenticate("a token of another key, or a changed one, is refused", async () => {
  const [header, , signature] = hs256(CLAIMS).split(".");
  const forged: readonly string[] = [
    hs256(CLAIMS, "another secret of at least 32 bytes, really"),
    hs256(CLAIMS, ""),
    `${header}.${encode({ ...CLAIMS, sub: "bob" })}.${signature}`,
    `${hs256(CLAIMS)}x`,
    hs256(CLAIMS).slice(0, -8),
    tokenOf(CLAIMS, { alg: "HS512" }, hmac(SECRET, "sha512")),
    tokenOf(CLAIMS, { alg: "HS256", crit: ["x"], x: 1 }, hmac(SECRET)),
    tokenOf(CLAIMS, { alg: "HS256", b64: false, crit: ["b64"] }, hmac(SECRET)),
  ];
  for (const token of forged) assert.is(await proved(token), "nobody", token);
});

authenticate("the token does not choose its algorithm: one without a signature is refused", async () => {
  for (const alg of ["none", "None", "NONE", "nOnE", ""])
    for (const signature of ["", "x", encode(SECRET)])
      assert.is(await proved(tokenOf(CLAIMS, { alg }, () => signature)), "nobody", `${alg} ${signature}`);
  assert.is(await proved(tokenOf(CLAIMS, {}, hmac(SECRET))), "nobody");
});

authenticate("a token is valid from nbf to exp, with a tolerance for clocks, and must have exp", async () => {
  assert.is(await proved(hs256({ sub: "ann", exp: NOW - 4 })), "ann");
  assert.is(await proved(hs256({ sub: "ann", exp: NOW - 6 })), "the token has expired");
  assert.is(await proved(hs256({ ...CLAIMS, nbf: NOW + 4 })), "ann");
  assert.match(await proved(hs256({ ...CLAIMS, nbf: NOW + 6 })), "claim nbf is wrong");
  assert.match(await proved(hs256({ sub: "ann" })), "claim exp is wrong");
  assert.match(await proved(hs256({ ...CLAIMS, exp: "tomorrow" })), "claim exp is wrong");
  // Only correctly signed tokens get explanations.
  assert.is(
    await proved(hs256({ sub: "ann", exp: NOW - 6 }, "another secret of at least 32 bytes")),
    "nobody",
  );
});

authenticate("a verified token is valid until it expires", async () => {
  let now = NOW;
  const { authenticate: check } = walletUser(BY_SECRET, () => new Date(now * 1000), noSecret);
  const token = hs256(CLAIMS);
  assert.is(await check(token), "ann");
  now = NOW + 59;
  assert.is(await check(token), "ann");
  assert.is(await check(`${token}x`), undefined);
  now = NOW + 66;
  assert.is(await check(token).catch(sentenceOf), "the token has expired");
});

authenticate("the subject is a user's name, and never the system's", async () => {
  for (const sub of ["external", "", " ann", "a b", "a\n", "änn", "x".repeat(65)])
    assert.is(await proved(hs256({ ...CLAIMS, sub })), "nobody", sub);
  for (const sub of [undefined, 1, null, ["ann"], { name: "ann" }])
    assert.is.not(await proved(hs256({ ...CLAIMS, sub })), "ann", JSON.stringify(sub));
});

authenticate("issuer and audience are compared if they are set", async () => {
  const settings = { ...BY_SECRET, jwtIssuer: "us", jwtAudience: "wallet" };
  const right = { ...CLAIMS, iss: "us", aud: ["other", "wallet"] };
  assert.is(await proved(hs256(right), settings), "ann");
  for (const [claim, value] of Object.entries({ iss: "them", aud: "other" })) {
    const sentence = `the token is not for this service, or not yet: its claim ${claim} is wrong`;
    assert.is(await proved(hs256({ ...right, [claim]: value }), settings), sentence);
    assert.is(await proved(hs256({ ...right, [claim]: undefined }), settings), sentence);
  }
  assert.is(await proved(hs256(right)), "ann");
});

authenticate("garbage and huge tokens are refused without an exception", async () => {
  const garbage: readonly string[] = [
    "",
    ".",
    "..",
    "a.b",
    "a.b.c",
    "a.b.c.d.e",
    "ÿ.ÿ.ÿ",
    `${encode({ alg: "HS256" })}..`,
    `${encode([])}.${encode([])}.x`,
    `${encode(null)}.${encode(null)}.x`,
    hs256([CLAIMS]),
    hs256("ann"),
    hs256(null),
    `Bearer ${hs256(CLAIMS)}`,
  ];
  for (const token of garbage) assert.is(await proved(token), "nobody", token);
  assert.is(await proved(hs256({ ...CLAIMS, padding: "x".repeat(4_096) })), "nobody");
});

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const otherRsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed25519 = generateKeyPairSync("ed25519");
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwkOf = (key: KeyObject, more: object = {}) => ({ ...key.export({ format: "jwk" }), ...more });
const jwks = (...keys: object[]): TokenSettings => ({ ...EMPTY, jwks: { keys } as JSONWebKeySet });

const rs256 = (key: KeyObject) => (text: string) => sign("sha256", Buffer.from(text), key);
const eddsa = (text: string) => sign(null, Buffer.from(text), ed25519.privateKey);
const es256 = (text: string) =>
  sign("sha256", Buffer.from(text), { key: p256.privateKey, dsaEncoding: "ieee-p1363" });

authenticate("public keys verify tokens of their private keys, with and without a key id", async () => {
  const settings = jwks(
    jwkOf(otherRsa.publicKey, { kid: "old" }),
    jwkOf(rsa.publicKey, { kid: "new" }),
    jwkOf(ed25519.publicKey),
    jwkOf(p256.publicKey),
  );
  assert.is(
    await proved(tokenOf(CLAIMS, { alg: "RS256", kid: "new" }, rs256(rsa.privateKey)), settings),
    "ann",
  );
  assert.is(await proved(tokenOf(CLAIMS, { alg: "RS256" }, rs256(rsa.privateKey)), settings), "ann");
  assert.is(await proved(tokenOf(CLAIMS, { alg: "EdDSA" }, eddsa), settings), "ann");
  assert.is(await proved(tokenOf(CLAIMS, { alg: "ES256" }, es256), settings), "ann");
  const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  for (const kid of ["new", "none", undefined])
    assert.is(await proved(tokenOf(CLAIMS, { alg: "RS256", kid }, rs256(stranger)), settings), "nobody");
  assert.is(
    await proved(tokenOf(CLAIMS, { alg: "RS256", kid: "old" }, rs256(rsa.privateKey)), settings),
    "nobody",
  );
  assert.is(
    await proved(tokenOf({ sub: "ann", exp: NOW - 60 }, { alg: "RS256" }, rs256(rsa.privateKey)), settings),
    "the token has expired",
  );
});

authenticate("a public key is not a secret: a token that it signs is refused", async () => {
  const { publicKey } = rsa;
  const pem = publicKey.export({ format: "pem", type: "spki" });
  const secrets: readonly (string | Buffer)[] = [
    pem,
    String(pem).trim(),
    publicKey.export({ format: "der", type: "spki" }),
    JSON.stringify(jwkOf(publicKey)),
    String(jwkOf(publicKey).n),
    Buffer.from(String(jwkOf(publicKey).n), "base64url"),
  ];
  for (const secret of secrets)
    for (const kid of ["new", undefined])
      assert.is(
        await proved(hs256(CLAIMS, secret, { alg: "HS256", kid }), jwks(jwkOf(publicKey, { kid: "new" }))),
        "nobody",
      );
  assert.is(
    await proved(
      tokenOf(CLAIMS, { alg: "none" }, () => ""),
      jwks(jwkOf(publicKey)),
    ),
    "nobody",
  );
  const jwk = jwkOf(otherRsa.publicKey);
  const brought = tokenOf(
    CLAIMS,
    { alg: "RS256", jwk, jku: "http://127.0.0.1/keys" },
    rs256(otherRsa.privateKey),
  );
  assert.is(await proved(brought, jwks(jwkOf(publicKey))), "nobody");
});

const problemsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    loadConfig([wallet], { DATABASE_URL: "postgres://waybill@127.0.0.1/waybill", ...environment });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

authenticate("the configuration takes one kind of key, long enough and public", async () => {
  const folder = await mkdtemp(join(tmpdir(), "waybill-keys-"));
  const fileOf = async (name: string, content: unknown) => {
    const file = join(folder, name);
    await writeFile(file, JSON.stringify(content));
    return file;
  };
  const keys = await fileOf("public", { keys: [jwkOf(rsa.publicKey)] });
  assert.equal(problemsOf({ WALLET_JWKS_FILE: keys }), []);
  assert.equal(problemsOf({ WALLET_JWT_SECRET: "x".repeat(32) }), []);
  assert.equal(problemsOf({ WALLET_JWT_SECRET: "x".repeat(31) }), [
    "WALLET_JWT_SECRET must be at least 32 bytes",
  ]);
  assert.match(problemsOf({ WALLET_JWT_SECRET: SECRET, WALLET_JWKS_FILE: keys })[0] ?? "", "not both");
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  const mixed = {
    keys: [jwkOf(rsa.publicKey, { use: "enc" }), jwkOf(p256.publicKey, { use: "sig" }), jwkOf(small)],
  };
  assert.equal(problemsOf({ WALLET_JWKS_FILE: await fileOf("mixed", mixed) }), []);
  const wrong = [
    { keys: [jwkOf(small)] },
    { keys: [jwkOf(rsa.publicKey, { use: "enc" })] },
    { keys: [jwkOf(rsa.publicKey), jwkOf(p256.privateKey)] },
    { keys: [{ kty: "RSA", n: "AQAB" }] },
    { keys: [jwkOf(rsa.privateKey)] },
    { keys: [{ kty: "oct", k: encode(SECRET) }] },
    { keys: [] },
    [],
    null,
    { keys: "x" },
  ];
  for (const [index, content] of wrong.entries()) {
    const problems = problemsOf({ WALLET_JWKS_FILE: await fileOf(`wrong-${index}`, content) });
    assert.match(problems[0] ?? "", /^WALLET_JWKS_FILE must be/, JSON.stringify(content));
  }
  await rm(folder, { recursive: true });
});

authenticate("a key must be set if others can reach the service", () => {
  const elsewhere = {
    HTTP_HOST: "0.0.0.0",
    ADMIN_TOKEN: "admin-token-0123456789",
    INGRESS_TOKEN: "ingress-token-0123456789",
  };
  assert.equal(problemsOf({}), []);
  assert.equal(problemsOf({ ...elsewhere, WALLET_JWT_SECRET: SECRET }), []);
  const [problem, ...more] = problemsOf(elsewhere);
  assert.match(
    problem ?? "",
    /^WALLET_JWT_SECRET or WALLET_JWKS_FILE must be set because HTTP_HOST is "0.0.0.0"/,
  );
  assert.equal(more, []);
});

authenticate("the service accepts the command's token", async () => {
  const settings = { ...BY_SECRET, jwtIssuer: "us", jwtAudience: "wallet" };
  const { authenticate: check } = walletUser(settings, undefined, noSecret);
  assert.is(await check(await signToken("ann", 1, settings, noSecret)), "ann");
  const keys = jwks(jwkOf(rsa.publicKey));
  const refused = await signToken("ann", 1, keys, noSecret).catch(({ message }: Error) => message);
  assert.match(refused, "which cannot sign tokens");
});

authenticate(
  "without a key, the service and the command share a secret that others cannot read",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "waybill-secret-"));
    const file = join(folder, "data", "secret");
    const read = () => readDevelopmentSecret(file);
    const secrets = await Promise.all(Array.from({ length: 20 }, read));
    assert.is(new Set(secrets.map(String)).size, 1);
    assert.ok((secrets[0] as Buffer).length >= 32);
    assert.equal(await readdir(join(folder, "data")), ["secret"]);
    assert.is((await stat(file)).mode & 0o777, 0o600);

    const check = (token: string) => walletUser(EMPTY, undefined, read).authenticate(token);
    assert.is(await check(await signToken("ann", 1, EMPTY, read)), "ann");
    assert.is(await check(hs256({ sub: "ann", exp: Date.now() })), undefined);
    assert.is(await check(hs256({ sub: "ann", exp: Date.now() }, "")), undefined);

    await chmod(file, 0o644);
    assert.match(String(await read().catch(sentenceOf)), "other users can read");
    await rm(folder, { recursive: true });
    // The folder's path is a file, so the secret cannot be created.
    await writeFile(folder, "");
    assert.match(
      (await check(hs256(CLAIMS)).catch(sentenceOf)) ?? "",
      "set WALLET_JWT_SECRET or WALLET_JWKS_FILE",
    );
    await rm(folder);
  },
);

authenticate.run();
