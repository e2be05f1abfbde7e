/** A process that creates orders over gRPC at a steady rate, and prints how many calls failed: PORT RATE SECONDS. */
import { ConnectError } from "@connectrpc/connect";
import { LomsService } from "../src/proto/marketplace/loms/v1/loms_pb.ts";
import { clientOf } from "../tools/marketplace/clients.ts";
import { atRate } from "./marketplace.ts";

const [port, rate, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
const loms = clientOf(LomsService, `http://127.0.0.1:${port}`);
const failures: string[] = [];
await atRate(rate, seconds, () =>
  loms.orderCreate({ user: 31_337n, items: [{ sku: 1005, count: 1 }] }).catch((error: unknown) => {
    failures.push(ConnectError.from(error).message);
  }),
);
process.stdout.write(
  `${failures.length} calls failed${failures[0] ? `, the first: ${failures[0]}` : ""}\n`,
  () => process.exit(0),
);
