/** A megabyte of what is wrong costs a call no more than the first hundred places of it. */
import { type DescMethodUnary, fromBinary } from "@bufbuild/protobuf";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CallFailedError } from "../../src/contract/errors.ts";
import type { Request } from "../../src/contract/route.ts";
import { bindingsOf } from "../../src/grpc/gateway/binding.ts";
import { readRequest } from "../../src/grpc/gateway/request.ts";
import { checkRules } from "../../src/grpc/rules.ts";
import { InvalidRequestError } from "../../src/grpc/status.ts";
import { problemOf } from "../../src/http/server/problem.ts";
import { LomsService, OrderCreateRequestSchema } from "../../src/proto/marketplace/loms/v1/loms_pb.ts";
import { errorOf } from "../support/error.ts";
import { longestTurn } from "../support/turns.ts";

const bounds = suite("bounds of calls");
const orderCreate: DescMethodUnary = LomsService.method.orderCreate;
const MIB = 1024 * 1024;
const many = (element: string) => `{"items":[${element.repeat(MIB / element.length - 8)}0]}`;

/** How a body is refused. */
async function refusalOf(body: string): Promise<CallFailedError> {
  const [binding] = bindingsOf(orderCreate);
  assert.ok(binding);
  const request = {
    headers: {},
    params: {},
    query: {},
    iterator: async function* () {
      yield Buffer.from(body);
    },
  };
  const read = readRequest(request as unknown as Request, orderCreate, binding, MIB);
  return (await errorOf(read)) as CallFailedError;
}

const BODIES: Readonly<Record<string, string>> = {
  "elements of another type": many("1,"),
  "elements with a wrong member": many('{"sku":"x"},'),
  "elements with an unknown member": many('{"a":1},'),
  "unknown members": `{${Array.from({ length: 90_000 }, (_value, index) => `"k${index}":1`).join()}}`,
};

for (const [name, body] of Object.entries(BODIES)) {
  bounds(`the gateway: ${name}`, async () => {
    let refusal: unknown;
    const { cpuMilliseconds } = await longestTurn(async () => {
      refusal = await refusalOf(body);
    });
    assert.instance(refusal, CallFailedError);
    const { details } = refusal as CallFailedError;
    assert.is(details.violations?.length, 100);
    const { length } = JSON.stringify(problemOf(refusal));
    assert.ok(length < 50_000, `${length} characters of answer`);
    assert.ok(cpuMilliseconds < 250, `${cpuMilliseconds} ms without a turn for others`);
  });
}

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
