/** The file of named tokens: what is refused, and how a running service reads it again. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { watchOperatorsFile } from "../src/composition/operators-file-watch.ts";
import { loadConfig } from "../src/config/config.ts";
import { digestOf, operatorsFile } from "../src/config/operators-file.ts";
import type { ConfigError } from "../src/config/read.ts";
import { DOMAINS } from "../src/domains/index.ts";
import { Tokens } from "../src/http/server/tokens.ts";
import type { Logger } from "../src/telemetry/logger.ts";
import { until } from "./support/wait.ts";

const DATABASE_URL = "postgres://waybill@127.0.0.1:5432/waybill";
const TOKENS = {
  ann: "token-of-ann-0123456789",
  carl: "token-of-carl-0123456789",
  admin: "admin-token-0123456789",
};
const ANN = { name: "ann", role: "operator", sha256: digestOf(TOKENS.ann).toString("hex") };
const CARL = { name: "carl", role: "reader", token: TOKENS.carl };
const folder = mkdtempSync(join(tmpdir(), "waybill-operators-"));
const operators = suite("operators file");

operators("an invalid file changes nothing while the service runs, and is logged", async () => {
  const own = join(folder, "own.json");
  const save = (text: string) => writeFileSync(own, text, { mode: 0o600 });
  save(JSON.stringify([ANN]));
  const read = operatorsFile(own);
  if (read === undefined || !("tokens" in read)) throw new Error("not read");
  const tokens = new Tokens({ adminToken: TOKENS.admin, ingressToken: undefined, named: read.tokens });
  const logged: { reason?: string; tokens?: number }[] = [];
  const log = (entry: object) => logged.push(entry);
  const watch = watchOperatorsFile(read, tokens, { info: log, error: log } as unknown as Logger);
  await watch.start?.({ signal: AbortSignal.timeout(60_000), waiting: () => {} });
  const next = async (reason: RegExp) => {
    const seen = logged.length;
    await until(`logged: ${reason}`, () => logged.length > seen);
    assert.match(JSON.stringify(logged.at(-1)), reason);
    assert.is(tokens.callerOf(TOKENS.ann)?.name, "ann");
  };
  save("[");
  await next(/it is not JSON/);
  save(JSON.stringify([{ ...CARL, token: TOKENS.admin }]));
  await next(/ADMIN_TOKEN or INGRESS_TOKEN again/);
  rmSync(own);
  await next(/unreadable: ENOENT/);
  save(JSON.stringify([ANN, CARL]));
  await next(/"tokens":2/);
  assert.is(tokens.callerOf(TOKENS.carl)?.role, "reader");
  await watch.stop?.();
});

operators("errors of the file are clear and show no token", () => {
  const path = join(folder, "wrong.json");
  const problem = (content: unknown, extra = {}) => {
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
    try {
      loadConfig(DOMAINS, { DATABASE_URL, OPERATORS_FILE: path, ...extra });
    } catch (error) {
      return (error as ConfigError).problems.join();
    }
    return "";
  };
  const secret = "a-secret-0123456789";
  const one = { name: "ann", role: "operator", token: secret };
  for (const [content, expected] of [
    [`[{"name": "${secret}"`, "it is not JSON"],
    [one, "it must be a list of entries"],
    [[{ ...one, role: "root" }], 'role of entry 1 must be "ingress", "operator" or "reader"'],
    [[{ ...one, name: "\u202eann" }], "name of entry 1 must be one line of 1 to 100 visible characters"],
    [[{ ...one, token: "short" }], "token of entry 1 must be at least 16 printable ASCII characters"],
    [[one, { name: "bob", role: "reader" }], "entry 2 must have either sha256 or token"],
    [[{ ...one, sha256: "0".repeat(64) }], "entry 1 must have either sha256 or token"],
    [[{ name: "ann", role: "reader", sha256: "0" }], "sha256 of entry 1 must be 64 hexadecimal digits"],
    [[one, { ...one, name: "Ann", token: `${secret}x` }], "entry 2 has the name of an earlier entry"],
    [[one, { ...one, name: "bob" }], "entry 2 has the token of an earlier entry"],
    [[{ ...one, password: "x" }], "entry 1 has an unknown member"],
  ] as const) {
    const text = problem(content);
    assert.match(text, expected);
    assert.not.match(text, secret);
  }
  assert.is(problem([one], { ADMIN_TOKEN: secret }), "OPERATORS_FILE must not have the token of ADMIN_TOKEN");
  assert.match(
    problem([], { OPERATORS_FILE: join(folder, "missing") }),
    "the path of a file that can be read",
  );
  // The file replaces the tokens that a public address needs.
  assert.is(problem([one], { HTTP_HOST: "0.0.0.0", GRPC_HOST: "0.0.0.0" }), "");

  const warnings = (mode: number, content: object) => {
    writeFileSync(path, JSON.stringify([content]));
    chmodSync(path, mode);
    return loadConfig(DOMAINS, { DATABASE_URL, OPERATORS_FILE: path }).warnings;
  };
  assert.equal(warnings(0o600, one), []);
  assert.equal(warnings(0o644, ANN), []);
  assert.match(warnings(0o644, one).join(), /^OPERATORS_FILE: other users can read the tokens in /);
  assert.match(warnings(0o620, ANN).join(), /^OPERATORS_FILE: other users can write /);
});

operators.after(() => rmSync(folder, { recursive: true }));
operators.run();
