/** Background work starts after the sources and ends before they stop. */
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AnyDomain, DomainContext } from "../src/contract/domain.ts";
import { createDatabase } from "./support/database.ts";
import { ledger } from "./support/ledger/index.ts";
import { entryOf } from "./support/ledger/messages.ts";
import { startInProcess } from "./support/service.ts";
import { until } from "./support/wait.ts";

const background = suite("background work");

background("a stop tells it, and messages are taken in until it has ended", async () => {
  const events: string[] = [];
  await using database = await createDatabase(undefined, [ledger]);
  const domain = ledgerThat(async ({ submit }, signal) => {
    events.push("begun");
    await once(signal, "abort");
    // Time for anything that would stop too early.
    for (let turn = 0; turn < 100; turn++) await setImmediate();
    await submit({ messageId: "last", payload: entryOf("last", "ann", 1) });
    events.push("stored");
  });
  const service = await startInProcess(database, { DOMAINS: "ledger" }, [domain]);
  await until("it has begun", () => events.length > 0);
  assert.equal(events, ["begun"]);
  await service[Symbol.asyncDispose]();
  assert.equal(events, ["begun", "stored"]);
});

background("one that fails leaves the process as it is", async () => {
  let isFailed = false;
  await using database = await createDatabase(undefined, [ledger]);
  const domain = ledgerThat(async () => {
    isFailed = true;
    throw new Error("a bug");
  });
  await using service = await startInProcess(database, { DOMAINS: "ledger" }, [domain]);
  await until("it has failed", () => isFailed);
  assert.is((await fetch(`${service.url}/readyz`)).status, 200);
});

background.run();

function ledgerThat(work: (context: DomainContext, signal: AbortSignal) => Promise<void>): AnyDomain {
  return {
    ...ledger,
    open: (context) => ({ routes: [], work: (signal) => work(context, signal) }),
  };
}
