/** Clients of other services: what their calls carry, when they end, and when they are tried again. */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  DeadlineError,
  DeclinedError,
  NotFoundError,
  TooManyCallsError,
  UnavailableError,
  UpstreamError,
} from "../../src/contract/errors.ts";
import { type Handlers, ownClient, plainClient, startEcho } from "../support/echo/echo.ts";
import { errorOf } from "../support/error.ts";
import { until } from "../support/wait.ts";

const clients = suite("gRPC clients");

/** A service that hands each call on to another one. */
async function startHop(
  url: string,
  say?: (next: Client, ...args: Parameters<Handlers["say"]>) => Promise<object>,
) {
  const own = ownClient(url, { token: "of-the-hop" });
  const hop = await startEcho({
    say: (request, call) => (say ? say(own.client, request, call) : own.client.say({ text: request.text })),
  });
  return {
    ...hop,
    [Symbol.asyncDispose]: async () => {
      await hop.close();
      own.close();
    },
  };
}
type Client = ReturnType<typeof ownClient>["client"];

clients("a call that a handler makes carries the token and the id of its own call", async () => {
  let seen: Headers | undefined;
  await using last = await startEcho({
    say: (_request, { requestHeader }) => {
      seen = requestHeader;
      return {};
    },
  });
  await using middle = await startHop(last.url);
  await using first = await startHop(middle.url);
  const { client, close } = plainClient(first.url);
  const headers = { authorization: "Bearer of-the-caller", "x-request-id": "one-of-mine" };
  await client.say({}, { headers });
  assert.equal(
    [seen?.get("authorization"), seen?.get("x-request-id")],
    ["Bearer of-the-caller", "one-of-mine"],
  );
  // A caller without a token does not get another caller's.
  await client.say({});
  assert.is(seen?.get("authorization"), null);
  close();
});

clients("a call that no caller began carries the client's own token", async () => {
  let seen: string | null = null;
  await using echo = await startEcho({
    say: (_request, { requestHeader }) => {
      seen = requestHeader.get("authorization");
      return {};
    },
  });
  const { client, close } = ownClient(echo.url, { token: "of-the-service" });
  await client.say({});
  assert.is(seen, "Bearer of-the-service");
  close();
});

clients("a deadline shrinks from hop to hop", async () => {
  const left: number[] = [];
  await using last = await startEcho({
    say: (_request, call) => {
      left.push(call.timeoutMs() as number);
      return {};
    },
  });
  await using middle = await startHop(last.url, async (next, { text }, call) => {
    left.push(call.timeoutMs() as number);
    // Asking for more does not give more.
    return next.say({ text }, { timeoutMs: 60_000 });
  });
  await using first = await startHop(middle.url, async (next, { text }, call) => {
    left.push(call.timeoutMs() as number);
    return next.say({ text });
  });
  const { client, close } = plainClient(first.url);
  await client.say({}, { timeoutMs: 20_000 });
  assert.is(left.length, 3);
  const [atFirst = 0, atMiddle = 0, atLast = 0] = left;
  assert.ok(20_000 >= atFirst && atFirst >= atMiddle && atMiddle >= atLast && atLast > 0, left.join(" "));
  close();
});

clients("below a deadline that has expired nothing is begun", async () => {
  let calls = 0;
  const failed = Promise.withResolvers<Error>();
  await using last = await startEcho({
    say: () => {
      calls++;
      return {};
    },
  });
  await using hop = await startHop(last.url, async (next, _request, { signal }) => {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    const error = await errorOf(next.say({}));
    failed.resolve(error);
    throw error;
  });
  const { client, close } = plainClient(hop.url);
  assert.match((await errorOf(client.say({}, { timeoutMs: 100 }))).message, "deadline_exceeded");
  assert.instance(await failed.promise, UnavailableError);
  assert.is(calls, 0);
  close();
});

clients("who hangs up ends what was begun for him, down to the last hop", async () => {
  const entered = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  await using last = await startEcho({
    say: async (_request, { signal }) => {
      signal.addEventListener("abort", () => ended.resolve());
      entered.resolve();
      await ended.promise;
      return {};
    },
  });
  await using middle = await startHop(last.url);
  await using first = await startHop(middle.url);
  const { client, close } = plainClient(first.url);
  const caller = new AbortController();
  const call = errorOf(client.say({}, { signal: caller.signal }));
  await entered.promise;
  caller.abort();
  await ended.promise;
  await call;
  close();
});

clients("a detached call goes on when the caller hangs up, with the client's own token", async () => {
  const entered = Promise.withResolvers<string | null>();
  const release = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<string>();
  await using last = await startEcho({
    say: async ({ text }, { requestHeader }) => {
      entered.resolve(requestHeader.get("authorization"));
      await release.promise;
      return { text };
    },
  });
  const detached = ownClient(last.url, { token: "of-the-hop", isDetached: true });
  await using hop = await startEcho({
    say: async ({ text }) => {
      const response = await detached.client.say({ text });
      answered.resolve(response.text);
      return response;
    },
  });
  const { client, close } = plainClient(hop.url);
  const caller = new AbortController();
  const headers = { authorization: "Bearer of-the-caller" };
  const call = errorOf(client.say({ text: "a" }, { signal: caller.signal, headers }));
  assert.is(await entered.promise, "Bearer of-the-hop");
  caller.abort();
  await call;
  release.resolve();
  assert.is(await answered.promise, "a");
  close();
  detached.close();
});

clients("reading is tried three times if the service is away or busy, and nothing else is", async () => {
  let failures: Error[] = [];
  let calls = 0;
  const answer = () => {
    calls++;
    const failure = failures.shift();
    if (failure) throw failure;
    return {};
  };
  await using echo = await startEcho({ say: answer, change: answer });
  const { client, metrics, close } = ownClient(echo.url);
  const callsOf = async (work: () => Promise<unknown>, ...failing: Error[]) => {
    failures = failing;
    calls = 0;
    const error = await work().then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    return [calls, error?.constructor.name ?? "fine"];
  };
  const say = () => client.say({});
  const away = new UnavailableError("away", 1);
  const busy = new TooManyCallsError("busy", 1);
  assert.equal(await callsOf(say, away, busy), [3, "fine"]);
  assert.equal(await callsOf(say, away, away, away), [3, "UnavailableError"]);
  assert.equal(await callsOf(say, busy, busy, busy), [3, "UpstreamError"]);
  assert.equal(await callsOf(say, new NotFoundError("no")), [1, "UpstreamError"]);
  assert.equal(await callsOf(say, new Error("a bug")), [1, "UpstreamError"]);
  assert.equal(await callsOf(() => client.change({}), away), [1, "UnavailableError"]);
  // There is no time for the pause before another attempt.
  const short = () => client.say({}, { timeoutMs: 40 });
  assert.equal((await callsOf(short, away, away))[0], 1);
  const text = await metrics.registry.metrics();
  assert.match(
    text,
    /grpc_client_request_duration_seconds_count\{.*method="Say",code="RESOURCE_EXHAUSTED"\} 4/,
  );
  close();
});

clients("a refusal of the other service keeps its status, its sentence and its reason", async () => {
  await using echo = await startEcho({
    say: () => {
      throw new DeclinedError("too_little", "there is too little");
    },
  });
  const { client, close } = ownClient(echo.url);
  const error = (await errorOf(client.say({}))) as UpstreamError;
  assert.instance(error, UpstreamError);
  assert.equal(
    [error.status, error.message, error.reason],
    ["FAILED_PRECONDITION", "there is too little", "too_little"],
  );
  // And the caller of the caller gets it unchanged.
  await using hop = await startHop(echo.url);
  const outer = ownClient(hop.url);
  const passed = (await errorOf(outer.client.say({}))) as UpstreamError;
  assert.equal([passed.status, passed.reason], ["FAILED_PRECONDITION", "too_little"]);
  outer.close();
  close();
});

clients("a service that is away, hangs or breaks off is unavailable", async () => {
  const gone = await startEcho();
  await gone.close();
  const away = ownClient(gone.url);
  assert.instance(await errorOf(away.client.say({})), UnavailableError);
  away.close();

  const sockets = new Set<Socket>();
  let onSocket = (_socket: Socket) => {};
  const silent = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const hanging = ownClient(url);
  assert.instance(await errorOf(hanging.client.say({}, { timeoutMs: 200 })), DeadlineError);
  hanging.close();
  onSocket = (socket) => socket.destroy();
  const breaking = ownClient(url);
  assert.instance(await errorOf(breaking.client.say({})), UnavailableError);
  breaking.close();
  onSocket = (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  const foreign = ownClient(url);
  assert.instance(await errorOf(foreign.client.change({})), UnavailableError);
  foreign.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

clients("a call that is cut off while it is answered is unavailable", async () => {
  const entered = Promise.withResolvers<void>();
  const echo = await startEcho({
    change: () => {
      entered.resolve();
      return new Promise(() => {});
    },
  });
  const { client, close } = ownClient(echo.url);
  const call = errorOf(client.change({}));
  await entered.promise;
  await echo.close();
  assert.instance(await call, UnavailableError);
  close();
});

clients("a service that comes back is called again by the same client", async () => {
  const first = await startEcho();
  const { client, close } = ownClient(first.url);
  await client.say({});
  await first.close();
  assert.instance(await errorOf(client.say({})), UnavailableError);
  await until("the service is back", async () => {
    await using _again = await startEcho({}, { port: first.port });
    return (await client.say({ text: "b" })).text === "b";
  });
  close();
});

clients.run();
