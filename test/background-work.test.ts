/** What a domain does in the background: it begins when messages are taken in, and a stop waits for its end. */
import { once } from "node:events";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AnyDomain, DomainService } from "../src/contract/domain.ts";
import { createDatabase } from "./support/database.ts";
import { ledger } from "./support/ledger/index.ts";
import { startInProcess } from "./support/service.ts";
import { until } from "./support/wait.ts";

const background = suite("background work");

background("it begins with the process, and a stop ends it and waits", async () => {
  const events: string[] = [];
  await using database = await createDatabase(undefined, [ledger]);
  const domain = ledgerThat(async (signal) => {
    events.push("begun");
    await once(signal, "abort");
    // What is under way goes to its end.
    await database.query("select 1");
    events.push("ended");
  });
  const service = await startInProcess(database, { DOMAINS: "ledger" }, [domain]);
  await until("it has begun", () => events.length > 0);
  assert.equal(events, ["begun"]);
  await service[Symbol.asyncDispose]();
  assert.equal(events, ["begun", "ended"]);
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

function ledgerThat(work: NonNullable<DomainService["work"]>): AnyDomain {
  return { ...ledger, open: () => ({ routes: [], work }) };
}
