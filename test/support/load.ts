/** A mixed load with a journal of what the broker has acknowledged: the judge of what must not be lost. */
import { type Mix, makeLoad } from "../../tools/publisher/load.ts";
import { OrderFactory } from "../../tools/publisher/orders.ts";
import { connectToBroker, type Transport } from "../../tools/publisher/transport.ts";
import { Verifier } from "../../tools/publisher/verify.ts";

export class JournalledLoad {
  /** How many messages the broker has acknowledged. */
  acknowledged = 0;
  readonly #contents = new Map<string, Buffer[]>();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  /** Publishes at a rate per second until stopped; where the broker is away it connects again and goes on. */
  constructor(environment: Readonly<Record<string, string>>, rate: number, mix: Mix) {
    this.#running = this.#run(environment, rate, mix);
  }

  /** Stops publishing; resolves when everything under way is decided. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Every order whose publishing was acknowledged that the service does not serve as it was published. */
  async missing(url: string): Promise<readonly string[]> {
    const verifier = new Verifier(url);
    const expected = [...this.#contents].map(([orderUid, contents]) => ({ orderUid, contents }));
    const { missing, different } = await verifier.check(expected, () => {});
    verifier.close();
    return [...missing, ...different];
  }

  get orders(): number {
    return this.#contents.size;
  }

  async #run(environment: Readonly<Record<string, string>>, rate: number, mix: Mix): Promise<void> {
    const address = {
      url: environment.NATS_URL as string,
      clusterId: "test-cluster",
      channel: environment.STAN_CHANNEL ?? "orders",
    };
    const underWay = new Set<Promise<void>>();
    const load = makeLoad(
      new OrderFactory(Math.floor(Math.random() * 2 ** 31)),
      Number.POSITIVE_INFINITY,
      mix,
    );
    const started = performance.now();
    let transport: Transport | undefined;
    let sent = 0;
    for (const message of load) {
      if (this.#stopping.signal.aborted) break;
      const early = started + (sent++ * 1000) / rate - performance.now();
      if (early > 2) await new Promise((resolve) => setTimeout(resolve, early));
      transport ??= await connectToBroker(address).catch(() => undefined);
      if (!transport) continue;
      const publishing = transport.publish(message.payload).then(
        () => {
          this.acknowledged += 1;
          if (message.orderUid === undefined) return;
          const known = this.#contents.get(message.orderUid);
          if (known) known.push(message.payload);
          else this.#contents.set(message.orderUid, [message.payload]);
        },
        () => {
          transport = undefined;
        },
      );
      underWay.add(publishing);
      void publishing.finally(() => underWay.delete(publishing));
      // At a rate beyond what the broker takes, its answers set the pace.
      if (underWay.size >= UNDER_WAY_MAX) await Promise.race(underWay);
    }
    await Promise.all(underWay);
    await transport?.[Symbol.asyncDispose]();
  }
}

const UNDER_WAY_MAX = 1_000;
