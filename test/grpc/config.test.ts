/** The settings of calls. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/read.ts";
import { DOMAINS } from "../../src/domains/index.ts";

const config = suite("settings of calls");

function problem(environment: Record<string, string>): string {
  const DATABASE_URL = "postgres://waybill@127.0.0.1/waybill";
  try {
    loadConfig(DOMAINS, { DATABASE_URL, ...environment });
    return "";
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join();
    throw error;
  }
}

config("who can reach gRPC decides about the ingress token, as with HTTP", () => {
  assert.is(problem({ INGRESS_TOKEN: "testtoken" }), "");
  assert.match(problem({ INGRESS_TOKEN: "test token" }), /^INGRESS_TOKEN must be at least 1 printable/);
  assert.is(
    problem({ GRPC_HOST: "0.0.0.0" }),
    'INGRESS_TOKEN must be set because GRPC_HOST is "0.0.0.0", which others can reach',
  );
  assert.match(
    problem({ GRPC_HOST: "0.0.0.0", INGRESS_TOKEN: "testtoken" }),
    /^INGRESS_TOKEN must have at least 16 characters because GRPC_HOST/,
  );
  assert.is(problem({ GRPC_HOST: "0.0.0.0", INGRESS_TOKEN: "y".repeat(16) }), "");
  const open = { HTTP_HOST: "0.0.0.0", ADMIN_TOKEN: "x".repeat(16), INGRESS_TOKEN: "testtoken" };
  assert.match(problem(open), /^INGRESS_TOKEN must have at least 16 characters because HTTP_HOST/);
  assert.match(problem({ GRPC_PORT: "70000" }), /^GRPC_PORT must be/);
});

config.run();
