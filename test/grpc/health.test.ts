/** What a server says about itself: whether it takes calls, and how they are described. */

import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Unready } from "../../src/contract/part.ts";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../src/proto/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../src/proto/grpc/reflection/v1/reflection_pb.ts";
import { buf, bufCurl, startEcho } from "../support/echo/echo.ts";
import { errorOf } from "../support/error.ts";

const health = suite("health and reflection");

function connectTo(url: string) {
  const sessionManager = new Http2SessionManager(url);
  const transport = createGrpcTransport({ baseUrl: url, sessionManager });
  return {
    health: createClient(Health, transport),
    reflection: createClient(ServerReflection, transport),
    close: () => sessionManager.abort(),
  };
}

health("health follows readiness, for the process and for each service", async () => {
  let unready: Unready[] = [];
  await using echo = await startEcho({}, { unready: () => unready, token: "a-token-of-16-characters" });
  const { health: client, close } = connectTo(echo.url);
  const statuses = async () => [
    (await client.check({})).status,
    (await client.check({ service: "echo.v1.EchoService" })).status,
  ];
  assert.equal(await statuses(), [Status.SERVING, Status.SERVING]);
  unready = [{ domain: "another", reason: "its database is away" }];
  assert.equal(await statuses(), [Status.NOT_SERVING, Status.SERVING]);
  unready = [{ reason: "starting" }];
  assert.equal(await statuses(), [Status.NOT_SERVING, Status.NOT_SERVING]);
  assert.match((await errorOf(client.check({ service: "none" }))).message, "not_found");
  const { statuses: all } = await client.list({});
  assert.equal(Object.keys(all), ["", "echo.v1.EchoService"]);
  close();
});

health("a watch tells each change, and that the server stops", async () => {
  let unready: Unready[] = [{ reason: "starting" }];
  const echo = await startEcho({}, { unready: () => unready });
  const { health: client, close } = connectTo(echo.url);
  const seen: Status[] = [];
  for await (const { status } of client.watch({})) {
    seen.push(status);
    if (seen.length === 1) unready = [];
    if (seen.length === 2) void echo.close();
  }
  assert.equal(seen, [Status.NOT_SERVING, Status.SERVING, Status.NOT_SERVING]);
  await echo.close();
  close();
});

health("a watch may ask for more time than a timer has", async () => {
  let unready: Unready[] = [];
  await using echo = await startEcho({}, { unready: () => unready });
  const { health: client, close } = connectTo(echo.url);
  const seen: Status[] = [];
  for await (const { status } of client.watch({}, { headers: { "grpc-timeout": "99999999H" } })) {
    seen.push(status);
    unready = [{ reason: "stopping" }];
    if (seen.length === 2) break;
  }
  assert.equal(seen, [Status.SERVING, Status.NOT_SERVING]);
  close();
});

health("a watch of a service that is not there says so", async () => {
  await using echo = await startEcho();
  const { health: client, close } = connectTo(echo.url);
  for await (const { status } of client.watch({ service: "none" })) {
    assert.is(status, Status.SERVICE_UNKNOWN);
    break;
  }
  close();
});

health("descriptions are found by service, file, symbol and extension", async () => {
  await using echo = await startEcho();
  const { reflection, close } = connectTo(echo.url);
  const ask = async (messageRequest: { case: string; value: unknown }) => {
    async function* requests() {
      yield { messageRequest } as never;
    }
    for await (const answer of reflection.serverReflectionInfo(requests())) return answer.messageResponse;
    throw new Error("there was no answer");
  };
  const filesOf = async (name: string, value: unknown) => {
    const answer = await ask({ case: name, value });
    assert.is(answer.case, "fileDescriptorResponse", `${name} ${value}`);
    const { fileDescriptorProto } = answer.value as { fileDescriptorProto: Uint8Array[] };
    return fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
  };
  const listed = await ask({ case: "listServices", value: "" });
  const { service } = listed.value as { service: { name: string }[] };
  assert.equal(
    service.map(({ name }) => name),
    ["echo.v1.EchoService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"],
  );
  const files = await filesOf("fileByFilename", "echo/v1/echo.proto");
  assert.is(files[0], "echo/v1/echo.proto");
  for (const name of [
    "google/api/http.proto",
    "google/protobuf/descriptor.proto",
    "google/protobuf/timestamp.proto",
    "buf/validate/validate.proto",
  ]) {
    assert.ok(files.includes(name), name);
    assert.is((await filesOf("fileByFilename", name))[0], name);
  }
  for (const symbol of [
    "echo.v1.EchoService",
    "echo.v1.EchoService.Say",
    "echo.v1.Line",
    "echo.v1.Line.sku",
    "echo.v1.Kind",
  ])
    assert.is((await filesOf("fileContainingSymbol", symbol))[0], "echo/v1/echo.proto", symbol);
  // What errors carry.
  const details = await filesOf("fileContainingSymbol", "google.rpc.ErrorInfo");
  assert.is(details[0], "google/rpc/error_details.proto");
  const extension = { containingType: "google.protobuf.MethodOptions", extensionNumber: 72_295_728 };
  assert.is((await filesOf("fileContainingExtension", extension))[0], "google/api/annotations.proto");
  const numbers = await ask({ case: "allExtensionNumbersOfType", value: "google.protobuf.MethodOptions" });
  assert.equal((numbers.value as { extensionNumber: number[] }).extensionNumber, [72_295_728]);
  for (const [name, value] of [
    ["fileByFilename", "none.proto"],
    ["fileContainingSymbol", "echo.v1.None"],
    ["fileContainingSymbol", "none"],
    ["allExtensionNumbersOfType", "echo.v1.None"],
  ] as const)
    assert.is((await ask({ case: name, value })).case, "errorResponse", `${name} ${value}`);
  close();
});

health("buf lists the procedures and asks for health without any schema", async () => {
  await using echo = await startEcho();
  const listed = await buf([
    "curl",
    "--http2-prior-knowledge",
    "--protocol",
    "grpc",
    "--list-methods",
    echo.url,
  ]);
  assert.match(listed.stdout, "echo.v1.EchoService/Say");
  assert.match(listed.stdout, "grpc.health.v1.Health/Check");
  const checked = await bufCurl(echo.url, "grpc.health.v1.Health/Check", {});
  assert.equal(JSON.parse(checked.stdout), { status: "SERVING" });
});

health.run();
