/** A process that creates orders over gRPC at a steady rate, and reports the calls: PORT RATE SECONDS. */
import { ConnectError } from "@connectrpc/connect";
import { LomsService } from "../src/proto/marketplace/loms/v1/loms_pb.ts";
import { clientOf } from "../tools/marketplace/clients.ts";
import { atRate } from "./marketplace.ts";

const [port, rate, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
const loms = clientOf(LomsService, `http://127.0.0.1:${port}`);
const failures: string[] = [];
const begun = performance.now();
const { length } = await atRate(rate, seconds, () =>
  loms.orderCreate({ user: 31_337n, items: [{ sku: 1005, count: 1 }] }).catch((error: unknown) => {
    failures.push(ConnectError.from(error).message);
  }),
);
const took = ((performance.now() - begun) / 1000).toFixed(1);
const failed =
  failures[0] === undefined ? "none failed" : `${failures.length} failed, the first: ${failures[0]}`;
process.stdout.write(`${length} calls in ${took} s, ${failed}\n`, () => process.exit(0));
