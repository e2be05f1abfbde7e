/** Progress of a command, on a terminal and elsewhere. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Progress } from "../src/cli/progress.ts";
import type { ReadBack } from "../tools/domains/kit.ts";
import { Verifier } from "../tools/publisher/verify.ts";

const progress = suite("progress");

function terminal() {
  const stream = Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY: true, columns: 80 });
  // The final lines, without overwritten ones.
  const shown = () =>
    String(stream.read() ?? "")
      .split("\n")
      .map((line) => line.split("\u001b[1G").at(-1) ?? "");
  return { stream, shown };
}

progress("on a terminal each phase ends at its own total", () => {
  const { stream, shown } = terminal();
  using bar = new Progress({ stream });
  for (let done = 0; done <= 2_000; done += 50) bar.show("publishing", { done, total: 2_000 });
  for (let done = 0; done <= 1_653; done++) bar.show("verifying", { done, total: 1_653 });
  bar.end();
  const [publishing = "", verifying = ""] = shown();
  assert.match(publishing, /^publishing \[={30}\] 2000 of 2000/);
  assert.match(verifying, /^verifying \[={30}\] 1653 of 1653/);
});

progress("the bar follows a total that grows", () => {
  const { stream, shown } = terminal();
  using bar = new Progress({ stream });
  bar.show("projecting", { done: 10, total: 10 });
  bar.show("projecting", { done: 10, total: 20 });
  bar.end();
  assert.match(shown().join("\n"), /^projecting \[={15}-{15}\] 10 of 20, 10 not done/);
});

progress("a phase that ends early says how much was not done", () => {
  const { stream, shown } = terminal();
  using bar = new Progress({ stream });
  bar.show("verifying", { done: 0, total: 1_653 });
  bar.show("verifying", { done: 1_640, total: 1_653 });
  bar.end();
  assert.match(shown().join("\n"), /^verifying \[=+-+\] 1640 of 1653, 13 not done/);
});

progress("no rate and no time is shown that is not known", () => {
  const { stream } = terminal();
  using bar = new Progress({ stream });
  for (const step of [
    { done: 0, total: 0 },
    { done: 0, total: 10 },
    { done: 10n, total: 10n },
    { done: 7, total: undefined },
    undefined,
  ]) {
    bar.show(`phase ${step?.done}`, step);
    bar.show(`phase ${step?.done}`, step);
    bar.end();
  }
  const text = String(stream.read());
  assert.not.match(text, /NaN|Infinity|INF|NULL|undefined of|of undefined/);
  assert.not.match(text, / 0\/s/);
  assert.match(text, /0 of 0/);
});

progress("elsewhere it writes plain lines at intervals, and none for quick work", async () => {
  const stream = new PassThrough({ encoding: "utf8" });
  using lines = new Progress({ stream });
  lines.show("publishing", { done: 0, total: 3 });
  lines.show("publishing", { done: 3, total: 3 });
  lines.end();
  assert.is(stream.read(), null);
  lines.show("verifying", { done: 1, total: 3 });
  lines.show("verifying", { done: 2, total: 3 });
  await once(stream, "readable");
  assert.match(stream.read(), /^verifying 2 of 3[^\p{Cc}]*\n$/u);
});

progress("a program that reads JSON is not disturbed", () => {
  const stream = new PassThrough({ encoding: "utf8" });
  using quiet = new Progress({ stream, json: true });
  quiet.show("publishing", { done: 1, total: 3 });
  quiet.end();
  const { stream: screen, shown } = terminal();
  using bar = new Progress({ stream: screen, json: true });
  bar.show("publishing", { done: 3, total: 3 });
  bar.end();
  assert.is(stream.read(), null);
  assert.match(shown().join("\n"), "3 of 3");
});

progress("verifying counts each order that the service has served, up to their number", async () => {
  const asked = new Set<string | undefined>();
  // Every order is missing at the first request.
  const server = createServer(({ url }, response) => {
    response.statusCode = asked.has(url) ? 200 : 404;
    asked.add(url);
    response.end("{}");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const readBack: ReadBack = {
    noun: "orders",
    request: (key) => ({ path: `/orders/${key}` }),
    compare: () => "complete",
  };
  const verifier = new Verifier(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, readBack);
  const expected = Array.from({ length: 40 }, (_, index) => ({
    key: `order-${index}`,
    published: [Buffer.from("{}")],
  }));
  const counts: number[] = [];
  const { missing } = await verifier.check(expected, (found) => counts.push(found));
  verifier.close();
  server.close();
  assert.equal(missing, []);
  assert.equal(
    counts,
    Array.from({ length: 40 }, (_, index) => index + 1),
  );
});

progress.run();
