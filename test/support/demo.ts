/** The demo as its users run it. */
import * as assert from "uvu/assert";
import { runScript } from "./command.ts";

export const DEMO_ENVIRONMENT = {
  PATH: process.env.PATH ?? "",
  // Go's cache is there, if a broker has to be built.
  HOME: process.env.HOME ?? "",
  NATS_STREAMING_SERVER: process.env.NATS_STREAMING_SERVER ?? "",
  WAYBILL_TOOLS_FOLDER: process.env.WAYBILL_TOOLS_FOLDER ?? "",
};

/** For `assertAccounted`. */
export const DEMO_LOAD = [
  ...["--orders", "1500", "--rate", "0", "--seed", "4"],
  ...["--garbage", "0.1", "--duplicates", "0.05", "--conflicts", "0.02"],
] as const;

export function runDemo(args: readonly string[], extra: Readonly<Record<string, string>> = {}) {
  return runScript("tools/stack/demo.ts", args, { environment: { ...DEMO_ENVIRONMENT, ...extra } });
}

/** Every message of the load has its outcome. */
export function assertAccounted(stdout: string): void {
  const sum =
    /received (\d+) = projected (\d+) \+ duplicate (\d+) \+ dead (\d+) \+ pending (\d+)/
      .exec(stdout)
      ?.slice(1)
      .map(Number) ?? [];
  const [received, projected, duplicate, dead, pending] = sum as [number, number, number, number, number];
  assert.is(received, 1_500);
  assert.is(pending, 0);
  assert.is(received, projected + duplicate + dead);
  assert.ok(projected > 1_000 && duplicate > 30 && dead > 100);
}
