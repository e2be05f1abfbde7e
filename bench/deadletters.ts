/** Pages of dead letters among a million: each filter over HTTP, one request at a time. */
import { Database } from "../src/database/database.ts";
import { orders } from "../src/domains/orders/index.ts";
import { moveDeadLetters } from "../src/projector/dead-letters-table.ts";
import { Handover } from "../src/projector/handover.ts";
import { projectingOf, projectNext } from "../src/projector/project.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { OrderFactory } from "../tools/domains/orders/factory.ts";
import { mebibytes, residentBytes } from "../tools/stack/memory.ts";
import { withClient } from "../tools/stack/postgres.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { makeSmallGarbage } from "./fill.ts";
import type { Measurement } from "./measurement.ts";
import { withService } from "./service.ts";

export async function measureDeadLetters(
  stack: Stack,
  letters: number,
  say: (text: string) => void,
): Promise<Measurement> {
  const factory = new OrderFactory(4);
  await projectGarbage(stack, letters, factory, say);
  return withService({ ...stack.environment, SOURCES: "http" }, stack.folder, async (service) => {
    const known = await get(service.url, "/deadletters/groups?state=any&limit=500");
    const groups = (known as { groups: { fingerprint: string; code: string }[] }).groups;
    const worst: number[] = [];
    for (const [name, query] of Object.entries(queries(factory, groups))) {
      const times: number[] = [];
      for (let request = 0; request < REQUESTS; request++) {
        const begun = performance.now();
        const page = (await get(service.url, `/deadletters?${query()}`)) as { next: string | null };
        times.push(performance.now() - begun);
        if (request % 2 === 0 && page.next !== null) {
          const again = performance.now();
          await get(service.url, `/deadletters?${query()}&before=${page.next}`);
          times.push(performance.now() - again);
        }
      }
      say(`deadletters: ${name.padEnd(28)} ${figures(times)}`);
      if (name !== SEARCH) worst.push(percentile(times, 0.99));
    }
    for (const path of ["/deadletters/groups", "/deadletters/groups?state=any"]) {
      const times: number[] = [];
      for (let request = 0; request < REQUESTS; request++) {
        const begun = performance.now();
        await get(service.url, path);
        times.push(performance.now() - begun);
      }
      say(`deadletters: ${path.padEnd(28)} ${figures(times)}`);
    }
    await measureBulk(service.url, say);
    await measureDiscard(service.url, say);
    for (const format of ["ndjson", "csv"]) await measureExport(service.url, service.child.pid, format, say);
    const figure = Math.max(...worst);
    return {
      name: `page of dead letters among ${letters.toLocaleString("en")}, the worst filter`,
      unit: "ms p99",
      figures: [figure],
      goal: { of: "figure", atMost: 50 },
    };
  });
}

function queries(
  factory: OrderFactory,
  groups: readonly { fingerprint: string; code: string }[],
): Record<string, () => string> {
  const group = () => factory.pick(groups);
  const state = () => `state=${factory.pick(["open", "discarded", "redriven"])}`;
  const channel = () => `channel=${factory.pick(CHANNELS)}`;
  const path = () =>
    `path=${encodeURIComponent(factory.pick(["/items", "/payment", "/order_uid", "/items/#/price"]))}`;
  const day = () => new Date(Date.now() - factory.random() * DAYS * 86_400_000).toISOString();
  const times = () => {
    const [since = "", until = ""] = [day(), day()].sort();
    return `since=${since}&until=${until}`;
  };
  return {
    "no filter": () => "",
    state,
    code: () => `code=${group().code}`,
    fingerprint: () => `fingerprint=${group().fingerprint}`,
    channel,
    path,
    time: times,
    "time, one hour": () => {
      const since = Date.parse(day());
      return `since=${new Date(since).toISOString()}&until=${new Date(since + 3_600_000).toISOString()}`;
    },
    "state, code, channel": () => `${state()}&code=${group().code}&${channel()}`,
    "state, path, channel, time": () => `${state()}&${path()}&${channel()}&${times()}`,
    "nothing matches": () => `fingerprint=0000000000000000&${state()}`,
    "page of 500": () => `limit=500&${state()}`,
    [SEARCH]: () => `q=${encodeURIComponent(`customer-${Math.floor(factory.random() * 1e6)}`)}`,
  };
}

async function measureBulk(url: string, say: (text: string) => void): Promise<void> {
  const filter = { code: "schema" };
  const begun = performance.now();
  const run = (await post(url, "/deadletters/redrive?dryRun=true", { filter, limit: 10_000 })) as {
    letters: number;
  };
  const seconds = (performance.now() - begun) / 1000;
  say(
    `deadletters: dry run of ${run.letters} letters in ${seconds.toFixed(1)} s, ${Math.round(run.letters / seconds)}/s`,
  );
  const started = performance.now();
  const who = { author: "bench", reason: "bench", limit: 10_000, failures_max: 10_000 };
  let bulk = (await post(url, "/deadletters/redrive", { filter, ...who })) as { id: string; status: string };
  while (bulk.status === "running") {
    await new Promise((resolve) => setTimeout(resolve, 20));
    bulk = (await get(url, `/deadletters/redrives/${bulk.id}`)) as typeof bulk;
  }
  const took = (performance.now() - started) / 1000;
  say(
    `deadletters: redrive of 10000 letters in ${took.toFixed(1)} s, ${Math.round(10_000 / took)}/s (${bulk.status})`,
  );
}

/** The first steps run in the request, the rest in a job. */
async function measureDiscard(url: string, say: (text: string) => void): Promise<void> {
  const begun = performance.now();
  const who = { author: "bench", reason: "bench", limit: 100_000 };
  let bulk = (await post(url, "/deadletters/discard", { filter: {}, ...who })) as {
    id: string;
    status: string;
    decided: number;
  };
  while (bulk.status === "running") {
    await new Promise((resolve) => setTimeout(resolve, 20));
    bulk = (await get(url, `/deadletters/decisions/${bulk.id}`)) as typeof bulk;
  }
  const seconds = (performance.now() - begun) / 1000;
  say(`deadletters: discard of ${bulk.decided} letters in ${seconds.toFixed(1)} s (${bulk.status})`);
}

/** Everything, read as fast as it comes. The memory is that of the service. */
async function measureExport(
  url: string,
  pid: number,
  format: string,
  say: (text: string) => void,
): Promise<void> {
  const before = residentBytes(pid);
  let highest = before;
  let bytes = 0;
  const begun = performance.now();
  const response = await fetch(`${url}/deadletters/export?format=${format}&state=discarded`);
  for await (const part of response.body as ReadableStream<Uint8Array>) {
    bytes += part.length;
    highest = Math.max(highest, residentBytes(pid));
  }
  const seconds = (performance.now() - begun) / 1000;
  say(
    `deadletters: export as ${format}, ${(bytes / 2 ** 20).toFixed(0)} MiB in ${seconds.toFixed(1)} s; service ${mebibytes(before)} MiB before, ${mebibytes(highest)} MiB at most`,
  );
}

/** A month of garbage, a fifth of it discarded. */
async function projectGarbage(
  stack: Stack,
  letters: number,
  factory: OrderFactory,
  say: (text: string) => void,
): Promise<void> {
  const payloads = makeSmallGarbage(factory, POOL);
  say(`deadletters: appending ${letters.toLocaleString("en")} invalid messages to the inbox`);
  await withClient(stack.environment.MIGRATION_DATABASE_URL as string, async (owner) => {
    await owner.query("create temp table pool (number int, payload bytea)");
    await owner.query(
      "insert into pool select number - 1, payload from unnest($1::bytea[]) with ordinality as p (payload, number)",
      [payloads],
    );
    await owner.query(
      `insert into inbox (domain, source, channel, message_id, payload, received_at)
     select 'orders', 'bench', ($2::text[])[1 + letters.number % 3], letters.number::text, payload,
            now() - make_interval(secs => ($1::float8 - letters.number) / $1::float8 * ${DAYS * 86_400})
     from generate_series(1, $1::int) as letters (number)
     join pool on pool.number = (hashint4(letters.number) & 2147483647) % ${POOL}
     order by letters.number`,
      [letters, CHANNELS],
    );
  });

  const database = new Database(stack.environment.DATABASE_URL as string, {
    connectionsMax: 2,
    logger: createLogger("silent"),
  });
  const domain = projectingOf(orders, { isLive: true });
  const begun = performance.now();
  const handover = new Handover();
  for (let done = 0; ; ) {
    const { rows } = await projectNext(database, domain, handover);
    done += rows.length;
    if (rows.length === 0) break;
    if (done % 100_000 < rows.length) say(`deadletters: projected ${done.toLocaleString("en")}`);
  }
  const seconds = (performance.now() - begun) / 1000;
  say(`deadletters: projected in ${seconds.toFixed(0)} s, ${Math.round(letters / seconds)}/s`);
  const { rows } = await database.query<{ position: bigint }>(
    "select position from dead_letters where position % 5 = 0 order by position",
  );
  for (let begin = 0; begin < rows.length; begin += 5_000) {
    const positions = rows.slice(begin, begin + 5_000).map(({ position }) => position);
    await moveDeadLetters(database, positions, "open", "discarded");
  }
  await database.close();
}

async function get(url: string, path: string): Promise<unknown> {
  const response = await fetch(`${url}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function post(url: string, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

function figures(times: readonly number[]): string {
  const quantileText = (share: number) => percentile(times, share).toFixed(1);
  return `p50 ${quantileText(0.5)} ms, p99 ${quantileText(0.99)} ms, max ${quantileText(1)} ms`;
}

function percentile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}

const SEARCH = "search of 1,000 payloads";
const CHANNELS = ["orders", "orders.eu", "orders.us"];
const DAYS = 30;

/** Each payload occurs a few hundred times. */
const POOL = 3_000;
const REQUESTS = 150;
