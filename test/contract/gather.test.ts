/** A value that can change comes from a query that begins after the call. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Gatherer } from "../../src/contract/gather.ts";

/** The first query reads 1, the second one 2, and so on; each answers once it is released. */
function gathererOf({ isImmutable }: Readonly<{ isImmutable: boolean }>) {
  const releases: (() => void)[] = [];
  const gatherer = new Gatherer(
    async (ids: readonly number[]) => {
      const value = releases.length + 1;
      const { promise, resolve } = Promise.withResolvers<void>();
      releases.push(resolve);
      await promise;
      return new Map(ids.map((id) => [id, value]));
    },
    { isImmutable },
  );
  return { gatherer, releases };
}

for (const [isImmutable, second] of [
  [true, 1],
  [false, 2],
] as const) {
  const what = isImmutable ? "an immutable value" : "a value that can change";
  test(`${what}: the answer to a call during a query is that of query ${second}`, async () => {
    const { gatherer, releases } = gathererOf({ isImmutable });
    const early = [gatherer.find(7), gatherer.find(7)];
    await nextTurn();
    const late = gatherer.find(7);
    await nextTurn();
    await nextTurn();
    assert.is(releases.length, second);
    for (const release of releases) release();
    assert.equal(await Promise.all([...early, late]), [1, 1, second]);
  });
}

test.run();
