/** The limit of calls over all processes, measured at the service that is called. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TooManyCallsError, UnavailableError } from "../../src/contract/errors.ts";
import { Database } from "../../src/database/database.ts";
import { type Slot, takeSlot } from "../../src/grpc/rate-limits-table.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createDatabase } from "../support/database.ts";
import { ownClient, startEcho } from "../support/echo/echo.ts";
import { errorOf } from "../support/error.ts";
import { until } from "../support/wait.ts";

const limiter = suite("limiter");
const database = await createDatabase();

const nextAt = async (name: string) => {
  const { rows } = await database.query("select next_at::text from rate_limits where name = $1", [name]);
  return rows[0]?.next_at as string | undefined;
};

limiter("two processes together send at most so many calls in any second", async () => {
  const perSecond = 20;
  const arrivals: number[] = [];
  await using echo = await startEcho({
    say: () => {
      arrivals.push(performance.now());
      return {};
    },
  });
  const connect = () =>
    new Database(database.serviceUrl, { connectionsMax: 4, logger: createLogger("silent") });
  await using one = connect();
  await using other = connect();
  const limit = { name: "two processes", perSecond };
  const processes = [one, other].map((own) => ownClient(echo.url, { limit }, own as never));
  // The first call of a client connects and compiles, and travels far longer than the rest.
  await Promise.all(processes.map(({ client }) => client.say({})));
  arrivals.length = 0;
  const stalls = monitorEventLoopDelay({ resolution: 1 });
  stalls.enable();
  const calls = Array.from({ length: 60 }, (_, index) => processes[index % 2]?.client.say({}));
  await Promise.all(calls);
  stalls.disable();
  assert.is(arrivals.length, 60);
  // A process that stood still delays a single arrival by as much; the limit allows for the first 50 ms of it.
  const spanMsMin = 1_000 - Math.max(0, stalls.max / 1e6 - 50);
  arrivals.sort((a, b) => a - b);
  for (let first = 0; first + perSecond < arrivals.length; first++) {
    const span = (arrivals[first + perSecond] as number) - (arrivals[first] as number);
    assert.ok(span >= spanMsMin, `${perSecond + 1} calls in ${span} ms, at least ${spanMsMin} expected`);
  }
  for (const { close } of processes) close();
});

limiter("a call whose turn would come after its deadline takes none, and is refused at once", async () => {
  let calls = 0;
  await using echo = await startEcho({
    say: () => {
      calls++;
      return {};
    },
  });
  const limit = { name: "one a minute", perSecond: 1 / 60 };
  const { client, close } = ownClient(echo.url, { limit }, database as never);
  await client.say({});
  const before = await nextAt(limit.name);
  for (let attempt = 0; attempt < 3; attempt++) {
    const error = await errorOf(client.say({}, { timeoutMs: 20_000 }));
    assert.instance(error, TooManyCallsError);
  }
  assert.is(await nextAt(limit.name), before);
  assert.is(calls, 1);
  // Another limit has its own turns.
  const free = ownClient(echo.url, { limit: { ...limit, name: "another" } }, database as never);
  await free.client.say({});
  free.close();
  close();
});

limiter("a turn that was missed is given back, unless somebody has taken a later one", async () => {
  const take = (missed?: Slot) => takeSlot(database, "missed", 60_000, 1e9, missed);
  const first = (await take()) as Slot;
  assert.ok(first.inMs < 1_000);
  const again = (await take(first)) as Slot;
  assert.ok(again.inMs < 1_000, "nobody was after it: it is now");
  const later = (await take()) as Slot;
  assert.ok(later.inMs > 50_000 && later.inMs <= 60_000);
  const last = (await take(again)) as Slot;
  assert.ok(last.inMs > 110_000 && last.inMs <= 120_000, "it waits behind the later one");
});

limiter("a call that waits for its turn ends with its caller", async () => {
  let calls = 0;
  await using echo = await startEcho({
    say: () => {
      calls++;
      return {};
    },
  });
  const limit = { name: "one in 25 seconds", perSecond: 1 / 25 };
  const { client, close } = ownClient(echo.url, { limit }, database as never);
  await client.say({});
  const before = await nextAt(limit.name);
  const caller = new AbortController();
  const call = errorOf(client.say({}, { signal: caller.signal }));
  await until("the call has its turn", async () => (await nextAt(limit.name)) !== before);
  caller.abort();
  assert.instance(await call, UnavailableError);
  const { rows } = await database.query(
    "select $1::timestamptz > clock_timestamp() as is_before from rate_limits where name = $2",
    [before, limit.name],
  );
  assert.ok(rows[0]?.is_before, "it did not wait for the turn itself");
  assert.is(calls, 1);
  close();
});

limiter("without the database no call is made", async () => {
  let calls = 0;
  await using echo = await startEcho({
    say: () => {
      calls++;
      return {};
    },
  });
  await using away = new Database("postgres://a:b@127.0.0.1:1/c", {
    connectionsMax: 1,
    logger: createLogger("silent"),
  });
  const { client, close } = ownClient(echo.url, { limit: { name: "away", perSecond: 10 } }, away as never);
  assert.is((await errorOf(client.say({}))).constructor.name, "DatabaseError");
  assert.is(calls, 0);
  close();
});

limiter.after(() => database[Symbol.asyncDispose]());
limiter.run();
