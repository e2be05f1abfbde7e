/** Answers that take long keep their connection busy, and end with it. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { answerSlowly } from "../../src/http/server/slow-answer.ts";
import { errorOf } from "../support/error.ts";
import { until } from "../support/wait.ts";

type Asked = Readonly<{
  signal: AbortSignal;
  resolve: (document: object) => void;
  answered: Promise<void>;
}>;

const slow = suite("slow answers");
let heartbeatMs = 5;
let asked = Promise.withResolvers<Asked>();

const server = createServer((_request, response) => {
  const { promise, resolve } = Promise.withResolvers<object>();
  const begun = Promise.withResolvers<AbortSignal>();
  const answered = answerSlowly(
    response,
    (signal) => {
      begun.resolve(signal);
      const gone = new Promise<never>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
      return Promise.race([promise, gone]);
    },
    heartbeatMs,
  );
  answered.catch(() => {});
  void begun.promise.then((signal) => asked.resolve({ signal, resolve, answered }));
}).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

slow.before.each(() => {
  asked = Promise.withResolvers();
  heartbeatMs = 5;
});

slow("bytes arrive before the document, which stays valid JSON", async () => {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  const { resolve } = await asked.promise;
  assert.is(response.headers.get("x-accel-buffering"), "no");
  resolve({ letters: 7 });
  const text = await response.text();
  assert.match(text, /^\n+\{/);
  assert.equal(JSON.parse(text), { letters: 7 });
});

slow("a quick document comes without line breaks", async () => {
  heartbeatMs = 60_000;
  const answering = fetch(url);
  (await asked.promise).resolve({ letters: 0 });
  assert.is(await (await answering).text(), '{"letters":0}');
});

slow("the work stops when the client disconnects, before and after the first byte", async () => {
  for (const ms of [5, 60_000]) {
    asked = Promise.withResolvers();
    heartbeatMs = ms;
    const client = new AbortController();
    const answering = fetch(url, { signal: client.signal });
    answering.catch(() => {});
    const { signal, answered } = await asked.promise;
    if (ms === 5) await answering;
    client.abort();
    await until("the work stops", () => signal.aborted);
    assert.is((await errorOf(answered)).name, "AbortError");
  }
});

slow.after(() => {
  server.closeAllConnections();
  server.close();
});
slow.run();
