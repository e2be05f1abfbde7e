/** The gRPC server: what every call has around it, for clients that are ours and those that are not. */
import { connect as connectHttp2 } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { pino } from "pino";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  BuriedError,
  DeclinedError,
  InvalidInputError,
  KeyReusedError,
  NotAllowedError,
  NotFoundError,
  OutOfRangeError,
  TooManyCallsError,
  UnavailableError,
  UpstreamError,
} from "../../src/contract/errors.ts";
import { DatabaseError } from "../../src/database/database-error.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../src/proto/google/rpc/error_details_pb.ts";
import { bufCurl, plainClient, rawCall, startEcho } from "../support/echo/echo.ts";
import { errorOf } from "../support/error.ts";
import { until } from "../support/wait.ts";

const server = suite("gRPC server");
const failureOf = async (work: Promise<unknown>) => (await errorOf(work)) as ConnectError;

server("each error has its status, and what is not expected shows nothing", async () => {
  let thrown: unknown;
  const lines: string[] = [];
  const logger = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
  await using echo = await startEcho(
    {
      say: () => {
        throw thrown;
      },
    },
    { logger },
  );
  const { client, close } = plainClient(echo.url);
  const statuses: [unknown, string][] = [
    [new InvalidInputError("text", "text must be short"), "InvalidArgument text must be short"],
    [new NotFoundError("there is no such thing"), "NotFound there is no such thing"],
    [new DeclinedError("too_little", "Too little"), "FailedPrecondition Too little"],
    [new KeyReusedError("the key was used"), "AlreadyExists the key was used"],
    [new TooManyCallsError("too often", 2), "ResourceExhausted too often"],
    [new UnavailableError("not now", 3), "Unavailable not now"],
    [new UpstreamError("FAILED_PRECONDITION", "said another"), "FailedPrecondition said another"],
    [new UpstreamError("NONSENSE", "said another"), "Unknown said another"],
    [new OutOfRangeError("the sum does not fit"), "OutOfRange the sum does not fit"],
    [new NotAllowedError("whose is it?"), "Unauthenticated whose is it?"],
    [
      new DatabaseError(new Error("connect ECONNREFUSED 10.0.0.1")),
      "Unavailable the database is unavailable",
    ],
    [new Error("secret"), "Internal internal error"],
    [new ConnectError("secret", Code.NotFound), "Internal internal error"],
    ["secret", "Internal internal error"],
  ];
  for (const [error, expected] of statuses) {
    thrown = error;
    const { code, rawMessage } = await failureOf(client.say({}));
    assert.is(`${Code[code]} ${rawMessage}`, expected);
  }
  assert.is(lines.length, 3, "what was not expected is logged");
  assert.match(lines[0] as string, /"method":"Say".*"requestId":"/);

  thrown = new BuriedError(7n);
  assert.match((await failureOf(client.say({}))).rawMessage, /position 7/);
  thrown = new DeclinedError("too_little", "Too little", { sku: 3 });
  const [info] = (await failureOf(client.say({}))).findDetails(ErrorInfoSchema);
  assert.equal([info?.reason, info?.metadata], ["TOO_LITTLE", { sku: "3" }]);
  thrown = new UnavailableError("not now", 3);
  const [retry] = (await failureOf(client.say({}))).findDetails(RetryInfoSchema);
  assert.is(retry?.retryDelay?.seconds, 3n);
  close();
});

server("a request that breaks rules is refused with a violation for each", async () => {
  let calls = 0;
  await using echo = await startEcho({
    check: () => {
      calls++;
      return {};
    },
  });
  const { client, close } = plainClient(echo.url);
  const valid = { userId: 1n, count: 1, lines: [{ sku: 1 }], word: "word" };
  const violationsOf = async (change: object) => {
    const failure = await failureOf(client.check({ ...valid, ...change }));
    assert.is(failure.code, Code.InvalidArgument);
    const [details] = failure.findDetails(BadRequestSchema);
    return details?.fieldViolations.map(({ field, reason }) => `${field} ${reason}`);
  };
  await client.check(valid);
  assert.equal(await violationsOf({ userId: 0n }), ["user_id INT64_GT"]);
  assert.equal(await violationsOf({ userId: -1n }), ["user_id INT64_GT"]);
  assert.equal(await violationsOf({ count: 0 }), ["count UINT32_GT_LTE"]);
  assert.equal(await violationsOf({ count: 65_536 }), ["count UINT32_GT_LTE"]);
  assert.equal(await violationsOf({ lines: [] }), ["lines REPEATED_MIN_ITEMS"]);
  assert.equal(await violationsOf({ lines: Array(4).fill({ sku: 1 }) }), ["lines REPEATED_MAX_ITEMS"]);
  assert.equal(await violationsOf({ lines: [{ sku: 1 }, {}] }), ["lines[1].sku UINT32_GT"]);
  assert.equal(await violationsOf({ word: "w" }), ["word STRING_MIN_LEN"]);
  assert.equal(await violationsOf({ userId: 0n, count: 0 }), ["user_id INT64_GT", "count UINT32_GT_LTE"]);
  assert.is(calls, 1);
  close();
});

server("where a token is set, each call asks for it before its body is read", async () => {
  let calls = 0;
  await using echo = await startEcho(
    {
      say: () => {
        calls++;
        return {};
      },
    },
    { token: "a-token-of-16-characters" },
  );
  const { client, close } = plainClient(echo.url);
  for (const authorization of ["", "Bearer wrong", "a-token-of-16-characters", "Basic YTpi"]) {
    const failure = await failureOf(client.say({}, { headers: authorization ? { authorization } : {} }));
    assert.is(failure.code, Code.Unauthenticated, authorization);
  }
  assert.is(calls, 0);
  await client.say({}, { headers: { authorization: "Bearer a-token-of-16-characters" } });
  assert.is(calls, 1);
  const text = await echo.metrics.registry.metrics();
  assert.match(
    text,
    /grpc_server_request_duration_seconds_count\{.*method="Say".*code="UNAUTHENTICATED"\} 4/,
  );

  // The body is not even asked for: the answer comes though it never ends.
  const session = connectHttp2(echo.url);
  const stream = session.request(
    {
      ":method": "POST",
      ":path": "/echo.v1.EchoService/Say",
      "content-type": "application/grpc+proto",
      te: "trailers",
    },
    { endStream: false },
  );
  const trailers = Promise.withResolvers<Record<string, unknown>>();
  stream.on("trailers", trailers.resolve).resume();
  assert.is((await trailers.promise)["grpc-status"], String(Code.Unauthenticated));
  session.destroy();
  close();
});

server("a call keeps the id that its caller gives it, or gets one", async () => {
  await using echo = await startEcho();
  const { client, close } = plainClient(echo.url);
  const idOf = async (given?: string) => {
    let id: string | null = null;
    await client.say(
      {},
      {
        headers: given ? { "x-request-id": given } : {},
        onHeader: (header) => {
          id = header.get("x-request-id");
        },
      },
    );
    return id as string | null;
  };
  assert.is(await idOf("mine-1"), "mine-1");
  assert.match((await idOf()) ?? "", /^[0-9a-f-]{36}$/);
  assert.match((await idOf("no id at all")) ?? "", /^[0-9a-f-]{36}$/);
  close();
});

server("calls are measured by their codes, and counted while they are in flight", async () => {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await using echo = await startEcho({
    say: async ({ text }) => {
      if (text === "wait") {
        entered.resolve();
        await release.promise;
      }
      if (text === "fail") throw new NotFoundError("no");
      return {};
    },
  });
  const { client, close } = plainClient(echo.url);
  const waiting = client.say({ text: "wait" });
  await entered.promise;
  const labels = 'service="echo.v1.EchoService",method="Say"';
  assert.match(await echo.metrics.registry.metrics(), `waybill_grpc_server_requests_in_flight{${labels}} 1`);
  release.resolve();
  await waiting;
  await failureOf(client.say({ text: "fail" }));
  const text = await echo.metrics.registry.metrics();
  assert.match(text, `waybill_grpc_server_requests_in_flight{${labels}} 0`);
  assert.match(text, `waybill_grpc_server_request_duration_seconds_count{${labels},code="OK"} 1`);
  assert.match(text, `waybill_grpc_server_request_duration_seconds_count{${labels},code="NOT_FOUND"} 1`);
  close();
});

server("a call without a deadline gets one, and nobody gets more than the maximum", async () => {
  let left: number | undefined;
  await using echo = await startEcho({
    say: (_request, call) => {
      left = call.timeoutMs();
      return {};
    },
  });
  const { client, close } = plainClient(echo.url);
  await client.say({});
  assert.ok(left !== undefined && left <= 30_000 && left > 0, String(left));
  await client.say({}, { timeoutMs: 99_999_999 });
  assert.ok(left !== undefined && left <= 300_000 && left > 30_000, String(left));
  await client.say({}, { timeoutMs: 5_000 });
  assert.ok(left <= 5_000);
  close();
});

server("the caller is answered when its time is over, whatever the handler does", async () => {
  let ended = false;
  await using echo = await startEcho({
    say: (_request, { signal }) => {
      signal.addEventListener("abort", () => {
        ended = true;
      });
      return new Promise(() => {});
    },
  });
  // No client whose own clock could end the call.
  const answer = await rawCall(echo.url, "/echo.v1.EchoService/Say", { "grpc-timeout": "200m" });
  assert.is(answer["grpc-status"], String(Code.DeadlineExceeded));
  assert.ok(ended);
});

server("an expired deadline begins nothing", async () => {
  let calls = 0;
  await using echo = await startEcho({
    say: () => {
      calls++;
      return {};
    },
  });
  const answer = await rawCall(echo.url, "/echo.v1.EchoService/Say", { "grpc-timeout": "0m" });
  assert.is(answer["grpc-status"], String(Code.DeadlineExceeded));
  assert.is(calls, 0);
});

server("a handler learns that its caller hung up", async () => {
  const entered = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  await using echo = await startEcho({
    say: async (_request, { signal }) => {
      signal.addEventListener("abort", () => ended.resolve());
      entered.resolve();
      await ended.promise;
      return {};
    },
  });
  const { client, close } = plainClient(echo.url);
  const caller = new AbortController();
  const call = client.say({}, { signal: caller.signal });
  call.catch(() => {});
  await entered.promise;
  caller.abort();
  await ended.promise;
  await until("the end of the call is measured", async () =>
    (await echo.metrics.registry.metrics()).includes('code="CANCELLED"} 1'),
  );
  close();
});

server("a message has a bound, also when it is compressed", async () => {
  await using echo = await startEcho({}, { messageBytesMax: 10_000 });
  const { client, close } = plainClient(echo.url);
  await client.say({ text: "x".repeat(9_000) });
  const failure = await failureOf(client.say({ text: "x".repeat(11_000) }));
  assert.is(failure.code, Code.ResourceExhausted);
  close();
});

server("buf calls it by the descriptions that the server gives", async () => {
  await using echo = await startEcho();
  const said = await bufCurl(echo.url, "echo.v1.EchoService/Say", { text: "hello" });
  assert.equal(JSON.parse(said.stdout), { text: "hello" });
  const refused = await bufCurl(echo.url, "echo.v1.EchoService/Check", { userId: "0" });
  assert.match(refused.stderr, "invalid_argument");
  assert.match(refused.stderr, "user_id");
});

server("a procedure that is not there is unimplemented", async () => {
  await using echo = await startEcho();
  const session = connectHttp2(echo.url);
  const ask = async (contentType: string) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/echo.v1.EchoService/None",
      "content-type": contentType,
    });
    const answered = Promise.withResolvers<Record<string, unknown>>();
    stream.on("response", answered.resolve).resume();
    stream.end();
    return answered.promise;
  };
  const grpc = await ask("application/grpc");
  assert.equal([grpc[":status"], grpc["grpc-status"]], [200, String(Code.Unimplemented)]);
  assert.is((await ask("application/json"))[":status"], 404);
  session.destroy();
});

server.run();
