/** The worker pool: each of its guarantees. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mapPooled } from "../../../src/domains/cart/pool.ts";
import { errorOf } from "../../support/error.ts";

const pool = suite("pool of cart");
const never = new AbortController().signal;
const NUMBERS = Array.from({ length: 20 }, (_none, index) => index);

/** Work that the test ends, item by item. */
class Desk {
  readonly begun: number[] = [];
  readonly aborted: number[] = [];
  readonly #ends = new Map<number, PromiseWithResolvers<string>>();

  readonly work = (item: number, signal: AbortSignal): Promise<string> => {
    this.begun.push(item);
    const end = Promise.withResolvers<string>();
    this.#ends.set(item, end);
    signal.addEventListener("abort", () => this.aborted.push(item));
    return end.promise;
  };

  async finish(item: number): Promise<void> {
    this.#ends.get(item)?.resolve(`result ${item}`);
    await turns();
  }

  async fail(item: number, error: Error): Promise<void> {
    this.#ends.get(item)?.reject(error);
    await turns();
  }
}

/** Runs everything that is not blocked. */
const turns = () => new Promise((resolve) => setImmediate(resolve));

pool("at most so many are under way, and the next begins when one ends", async () => {
  const desk = new Desk();
  const results = mapPooled(NUMBERS, { atOnce: 5, signal: never }, desk.work);
  await turns();
  assert.equal(desk.begun, [0, 1, 2, 3, 4]);
  await desk.finish(3);
  assert.equal(desk.begun, [0, 1, 2, 3, 4, 5]);
  for (const item of [0, 1, 2]) await desk.finish(item);
  assert.is(desk.begun.length, 9);
  for (const item of NUMBERS.slice(4)) await desk.finish(item);
  assert.is((await results).length, 20);
});

pool("the results have the order of the items, whichever ends first", async () => {
  const desk = new Desk();
  const results = mapPooled([0, 1, 2, 3], { atOnce: 2, signal: never }, desk.work);
  await turns();
  for (const item of [1, 2, 3, 0]) await desk.finish(item);
  assert.equal(await results, ["result 0", "result 1", "result 2", "result 3"]);
});

pool("the first error ends it: nothing more begins, and what is under way is told", async () => {
  const desk = new Desk();
  const results = errorOf(mapPooled(NUMBERS, { atOnce: 5, signal: never }, desk.work));
  await turns();
  const first = new Error("first");
  await desk.fail(2, first);
  assert.equal(desk.begun, [0, 1, 2, 3, 4]);
  assert.equal(desk.aborted, [0, 1, 2, 3, 4]);
  await desk.fail(0, new Error("second"));
  for (const item of [1, 3, 4]) await desk.finish(item);
  assert.is(await results, first);
  assert.equal(desk.begun, [0, 1, 2, 3, 4]);
});

pool("the caller's abort ends it with the caller's reason", async () => {
  const desk = new Desk();
  const caller = new AbortController();
  const results = errorOf(mapPooled(NUMBERS, { atOnce: 3, signal: caller.signal }, desk.work));
  await turns();
  const reason = new Error("hung up");
  caller.abort(reason);
  assert.equal(desk.aborted, [0, 1, 2]);
  await desk.fail(0, new Error("because of it"));
  for (const item of [1, 2]) await desk.finish(item);
  assert.is(await results, reason);
  assert.equal(desk.begun, [0, 1, 2]);
});

pool("it settles only after everything that began has settled", async () => {
  const desk = new Desk();
  let isSettled = false;
  const results = errorOf(mapPooled(NUMBERS, { atOnce: 2, signal: never }, desk.work)).then((error) => {
    isSettled = true;
    return error;
  });
  await turns();
  await desk.fail(0, new Error("first"));
  assert.not.ok(isSettled);
  await desk.finish(1);
  assert.ok(isSettled);
  assert.is((await results).message, "first");
});

pool("an expired deadline begins nothing", async () => {
  const desk = new Desk();
  const signal = AbortSignal.abort(new Error("too late"));
  const error = await errorOf(mapPooled(NUMBERS, { atOnce: 5, signal }, desk.work));
  assert.is(error.message, "too late");
  assert.equal(desk.begun, []);
});

pool("an abort after the last item began and ended changes nothing", async () => {
  const caller = new AbortController();
  const results = await mapPooled([1, 2], { atOnce: 5, signal: caller.signal }, async (item) => item * 2);
  caller.abort();
  assert.equal(results, [2, 4]);
  assert.equal(await mapPooled([], { atOnce: 5, signal: never }, async () => 1), []);
});

pool("work that throws at once is an error like any other", async () => {
  const error = await errorOf(
    mapPooled([1], { atOnce: 5, signal: never }, () => {
      throw new Error("at once");
    }),
  );
  assert.is(error.message, "at once");
});

pool.run();
