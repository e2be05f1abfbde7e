/** The gRPC server when peers are hostile, slow or gone, and when it stops. */
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { Code, type ConnectError } from "@connectrpc/connect";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { plainClient, startEcho } from "../support/echo/echo.ts";
import { errorOf } from "../support/error.ts";

const server = suite("gRPC server under stress");
const failureOf = async (work: Promise<unknown>) => (await errorOf(work)) as ConnectError;

server("bytes that are no HTTP/2, and requests that are no calls, harm nobody", async () => {
  await using echo = await startEcho();
  const garbage = [
    Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff", "latin1"),
    Buffer.alloc(100_000, 0xff),
    Buffer.from([0]),
  ];
  for (const bytes of garbage) {
    const socket = connect(echo.port, "127.0.0.1");
    socket.on("error", () => {}).resume();
    socket.end(bytes);
    await new Promise((resolve) => socket.once("close", resolve));
  }
  const session = connectHttp2(echo.url);
  const odd: Record<string, string>[] = [
    { ":authority": "[" },
    { ":path": "*" },
    { ":path": "//[" },
    { ":method": "GET" },
    { "content-type": "text/plain" },
    { "grpc-timeout": "soon" },
    { "grpc-timeout": "99999999H" },
    { "grpc-encoding": "lzma" },
  ];
  for (const headers of odd) {
    const stream = session.request({
      ":method": "POST",
      ":path": "/echo.v1.EchoService/Say",
      "content-type": "application/grpc",
      ...headers,
    });
    let status: unknown;
    stream.on("response", (head) => {
      status = head[":status"];
    });
    stream.on("error", () => {}).resume();
    stream.end(Buffer.from([1, 2, 3]));
    await new Promise((resolve) => stream.once("close", resolve));
    if (headers[":authority"]) assert.is(status, 400);
  }
  session.destroy();
  const { client, close } = plainClient(echo.url);
  assert.is((await client.say({ text: "still here" })).text, "still here");
  close();
});

server("a call whose body never comes ends soon after its time is over", async () => {
  await using echo = await startEcho();
  const session = connectHttp2(echo.url);
  const stream = session.request(
    {
      ":method": "POST",
      ":path": "/echo.v1.EchoService/Say",
      "content-type": "application/grpc",
      "grpc-timeout": "10m",
    },
    { endStream: false },
  );
  stream.on("error", () => {}).resume();
  await new Promise((resolve) => stream.once("close", resolve));
  assert.is(stream.rstCode, constants.NGHTTP2_CANCEL);
  session.destroy();
});

server("a stop lets calls in flight finish, and takes no new one", async () => {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const echo = await startEcho({
    say: async ({ text }) => {
      entered.resolve();
      await release.promise;
      return { text };
    },
  });
  const { client, close } = plainClient(echo.url);
  const call = client.say({ text: "in flight" });
  await entered.promise;
  const closed = echo.close();
  const late = plainClient(echo.url);
  assert.is((await failureOf(late.client.say({}))).code, Code.Unavailable);
  release.resolve();
  assert.is((await call).text, "in flight");
  await closed;
  close();
  late.close();
});

server("a stop does not wait for a call that never ends", async () => {
  const entered = Promise.withResolvers<void>();
  const echo = await startEcho({
    say: () => {
      entered.resolve();
      return new Promise(() => {});
    },
  });
  const { client, close } = plainClient(echo.url);
  const call = failureOf(client.say({}, { timeoutMs: 20_000 }));
  await entered.promise;
  await echo.close();
  assert.is.not((await call).code, Code.DeadlineExceeded, "the server has ended it before");
  close();
});

server.run();
