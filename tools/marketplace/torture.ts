/**
 * The torture of the marketplace: faults at random while users buy. They repeat each call until it is answered, and what
 * they are told is the journal. At the end, when all services are ready and nothing is in flight, the journal is compared
 * with what the services say. The faults and their sequence come from a seed.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Step } from "../../src/cli/progress.ts";
import { SeededRandom } from "../domains/random.ts";
import { startNotices } from "../stack/notices.ts";
import { isReady } from "../stack/service.ts";
import { type Clients, STUBBORN } from "./clients.ts";
import { type Chance, FAULTS } from "./faults.ts";
import { cancelLeft, type LoadReport, runLoad } from "./load.ts";
import { readOrders, readStocks, type Verdict, verify } from "./verify.ts";
import { TOKEN, type World } from "./world.ts";

export type TortureOptions = Readonly<{
  faults: number;
  users: number;
  seed: number;
  /** Only faults whose name contains it. */
  only: string;
  say: (text: string) => void;
  show: (phase: string, step: Step) => void;
  signal: AbortSignal;
}>;

export type TortureReport = Readonly<{
  load: LoadReport;
  verdict: Verdict;
  /** How many of each kind struck. */
  counts: ReadonlyMap<string, number>;
}>;

/** @returns the names of the faults whose name contains a text. */
export function faultsNamed(text: string): string[] {
  return Object.keys(FAULTS).filter((name) => name.includes(text));
}

export async function torture(
  world: World,
  clients: Clients,
  { faults, users, seed, only, say, show, signal }: TortureOptions,
): Promise<TortureReport> {
  await putStocks(world, clients);
  const stocks = await readStocks(clients);
  const before = { stocks, lastOrderId: (await readOrders(clients, () => {})).at(-1)?.id ?? 0n };
  const calm = new AbortController();
  let [done, errors] = [0, 0];
  const loading = runLoad(clients, {
    checkouts: Number.POSITIVE_INFINITY,
    users,
    seed,
    skus: [...stocks].filter(([, count]) => count > 0n).map(([sku]) => sku),
    plentiful: new Set([...stocks].filter(([, count]) => count === BigInt(PLENTY)).map(([sku]) => sku)),
    patience: STUBBORN,
    restMs: REST_MS,
    onProgress: (_begun, errorCount) => {
      done += 1;
      errors = errorCount;
    },
    signal: AbortSignal.any([calm.signal, signal]),
  });
  loading.catch(() => {});

  const counts = new Map<string, number>();
  const random = new SeededRandom(seed);
  const chance: Chance = {
    between: (low, high) => low + random.random() * (high - low),
    pick: (list) => random.pick(list),
    signal,
  };
  const findings: string[] = [];
  let bag: string[] = [];
  try {
    for (let strike = 1; strike <= faults && errors === 0 && !signal.aborted; strike++) {
      await delay(chance.between(100, 900), undefined, { signal }).catch(() => {});
      // On a slow machine the next fault would find nothing in flight.
      const due = done + users;
      const begun = performance.now();
      while (done < due && errors === 0 && !signal.aborted && performance.now() - begun < PURCHASES_MS_MAX)
        await delay(POLL_MS);
      // Each kind as often as every other, in a random sequence.
      if (bag.length === 0) bag = faultsNamed(only);
      const name = chance.pick(bag);
      bag.splice(bag.indexOf(name), 1);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      say(`fault ${strike} of ${faults}: ${name}; ${done} purchases so far`);
      await FAULTS[name]?.(world, chance);
    }
  } catch (error) {
    findings.push(`the torture could not be finished: ${(error as Error).message}`);
  }
  say("no more faults; waiting for the users to finish and for the services");
  calm.abort();
  const load = await untilCalm(loading, () => done, say);
  findings.push(...load.errors, ...(await untilReady(world, say)));
  if (findings.length > 0 || signal.aborted) {
    return { load, counts, verdict: { findings, orders: 0, changes: 0, copies: 0 } };
  }
  // Unpaid orders are cancelled by loms in time; nothing may change while it is compared.
  const purchases = await cancelLeft(clients, load.purchases, STUBBORN);
  const verdict = await verify(world, clients, before, purchases, show);
  return { load: { ...load, purchases }, counts, verdict };
}

/** Puts into stock enough of all SKUs but two for a long torture; of those two, users soon want more than there is. */
async function putStocks({ loms }: World, clients: Clients): Promise<void> {
  const stocks = await readStocks(clients);
  const wanted = [...stocks.keys()].map(
    (sku, index) => [sku, index < SCARCE_SKUS ? SCARCE : PLENTY] as const,
  );
  for (const [sku, total] of wanted) {
    const command = { id: `torture-${sku}`, type: "stock.put", sku, total, reserved: 0 };
    const response = await fetch(`${loms.url}/loms/commands`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify(command),
    });
    if (!response.ok) throw new Error(`stock.put: ${response.status} ${await response.text()}`);
  }
  for (const [sku, total] of wanted) {
    while ((await clients.loms.stockInfo({ sku })).count !== BigInt(total)) await delay(POLL_MS);
  }
}

async function untilCalm(
  loading: Promise<LoadReport>,
  countDone: () => number,
  say: (text: string) => void,
): Promise<LoadReport> {
  using _notices = startNotices(() => `waiting for the users; ${countDone()} purchases so far`, say);
  return await loading;
}

/** Waits until all services are ready. @returns those that are not, or those that ended by themselves. */
async function untilReady({ services, surprises }: World, say: (text: string) => void): Promise<string[]> {
  // Nothing starts a process that ended by itself.
  if (surprises.length > 0) return [...surprises];
  using _notices = startNotices(() => "waiting until all services are ready", say);
  const deadline = performance.now() + READY_MS_MAX;
  const findings: string[] = [];
  for (const { name, url } of services) {
    while (!(await isReady(url)) && performance.now() < deadline) await delay(POLL_MS);
    if (await isReady(url)) continue;
    const reasons = await fetch(`${url}/readyz`).then((response) => response.text(), String);
    findings.push(`${name} is not ready ${READY_MS_MAX / 1000} s after the last fault: ${reasons}`);
  }
  return findings;
}

const SCARCE_SKUS = 2;
const SCARCE = 40;
const PLENTY = 1_000_000;
/** Keeps some of the two processors for what starts again. */
const REST_MS = 300;
const POLL_MS = 100;
/** If users buy more slowly, faults strike anyway. */
const PURCHASES_MS_MAX = 20_000;
/** Reconnecting takes seconds, on a busy machine more. */
const READY_MS_MAX = 150_000;
