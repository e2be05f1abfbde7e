/** No request of the largest size blocks the event loop for long. */
import { type DescMethodUnary, fromBinary } from "@bufbuild/protobuf";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CallFailedError } from "../../src/contract/errors.ts";
import type { Request } from "../../src/contract/route.ts";
import { bindingsOf } from "../../src/grpc/gateway/binding.ts";
import { readRequest } from "../../src/grpc/gateway/request.ts";
import { checkRules } from "../../src/grpc/rules.ts";
import { CALL_BYTES_MAX } from "../../src/grpc/server.ts";
import { InvalidRequestError } from "../../src/grpc/status.ts";
import { problemOf } from "../../src/http/server/problem.ts";
import { LomsService, OrderCreateRequestSchema } from "../../src/proto/marketplace/loms/v1/loms_pb.ts";
import { errorOf } from "../support/error.ts";
import { largeOrdersMs, leastTurn } from "../support/turns.ts";

const bounds = suite("bounds of calls");
const orderCreate: DescMethodUnary = LomsService.method.orderCreate;
const many = (element: string) => `{"items":[${element.repeat(CALL_BYTES_MAX / element.length - 8)}0]}`;

/** How a body is refused. */
async function refusalOf(body: string): Promise<CallFailedError> {
  const [binding] = bindingsOf(orderCreate);
  assert.ok(binding);
  return (await errorOf(
    readRequest(requestOf(body), orderCreate, binding, CALL_BYTES_MAX),
  )) as CallFailedError;
}

function requestOf(body: string): Request {
  const iterator = async function* () {
    yield Buffer.from(body);
  };
  return { headers: {}, params: {}, query: {}, iterator } as unknown as Request;
}

const BODIES: Readonly<Record<string, string>> = {
  "elements of another type": many("1,"),
  "elements with a wrong member": many('{"sku":"x"},'),
  "elements with an unknown member": many('{"a":1},'),
  "unknown members": `{${Array.from({ length: 900 }, (_value, index) => `"k${index}":1`).join()}}`,
};

for (const [name, body] of Object.entries(BODIES)) {
  bounds(`the gateway: ${name}`, async () => {
    let refusal: unknown;
    const limit = largeOrdersMs();
    const turn = await leastTurn(limit, async () => {
      refusal = await refusalOf(body);
    });
    assert.instance(refusal, CallFailedError);
    const { details } = refusal as CallFailedError;
    assert.is(details.violations?.length, 100);
    const { length } = JSON.stringify(problemOf(refusal));
    assert.ok(length < 50_000, `${length} characters of answer`);
    assert.ok(turn < limit, `${turn} ms without a turn for others`);
  });
}

/** Right by their types, so that they are refused by the rules alone. */
const GATEWAY_BODIES = [many("{},"), many('{"sku":"1"},'), many('{"sku":1,"count":1},')].map((body) =>
  body.replace(",0]}", "]}"),
);

bounds("the gateway and the rules: a request full of items", async () => {
  const [binding] = bindingsOf(orderCreate);
  assert.ok(binding);
  const limit = largeOrdersMs();
  for (const body of GATEWAY_BODIES) {
    const turn = await leastTurn(limit, async () => {
      const message = await readRequest(requestOf(body), orderCreate, binding, CALL_BYTES_MAX);
      assert.throws(() => checkRules(OrderCreateRequestSchema, message), "user");
    });
    assert.ok(turn < limit, `${turn} ms for ${body.slice(0, 40)}`);
  }
});

bounds("over gRPC: a request full of items, or of unknown fields", async () => {
  const limit = largeOrdersMs();
  for (const field of [Buffer.from([18, 0]), Buffer.from([18, 4, 8, 1, 16, 1]), Buffer.from([120, 1])]) {
    const bytes = Buffer.alloc(CALL_BYTES_MAX - (CALL_BYTES_MAX % field.length), field);
    const turn = await leastTurn(limit, async () => {
      const message = fromBinary(OrderCreateRequestSchema, bytes);
      assert.throws(() => checkRules(OrderCreateRequestSchema, message), "user");
    });
    assert.ok(turn < limit, `${turn} ms for fields of ${field.length} bytes`);
  }
});

bounds("the rules of a description: of a long list the first violation is named, of others each", () => {
  const itemsOf = (count: number) => {
    const bytes = Buffer.concat([Buffer.from([8, 1]), Buffer.alloc(2 * count, Buffer.from([18, 0]))]);
    return fromBinary(OrderCreateRequestSchema, bytes);
  };
  const violationsOf = (count: number) => {
    const request = itemsOf(count);
    const begun = process.threadCpuUsage();
    try {
      checkRules(OrderCreateRequestSchema, request);
      return undefined;
    } catch (error) {
      const { user, system } = process.threadCpuUsage(begun);
      assert.ok((user + system) / 1000 < 200, `${(user + system) / 1000} ms`);
      assert.instance(error, InvalidRequestError);
      return (error as InvalidRequestError).violations.map(({ field, rule }) => `${field} ${rule}`);
    }
  };
  assert.equal(violationsOf(2), [
    "items[0].sku uint32.gt",
    "items[0].count uint32.gt_lte",
    "items[1].sku uint32.gt",
    "items[1].count uint32.gt_lte",
  ]);
  assert.is(violationsOf(1_500)?.length, 100);
  assert.equal(violationsOf(500_000), ["items repeated.max_items"]);
});

bounds.run();
