/** Programs and shared servers for test files, prepared while files without needs run. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { findJaeger } from "../../tools/stack/jaeger.ts";
import { findNatsServer } from "../../tools/stack/jetstream.ts";
import { Kafka } from "../../tools/stack/kafka.ts";
import { findBroker, NatsStreaming } from "../../tools/stack/nats-streaming.ts";
import { findToxiproxy } from "../../tools/torture/proxy.ts";
import { ROOT } from "./files.ts";

type Environment = Readonly<Record<string, string>>;
type Need = "nats-streaming" | "jetstream" | "kafka" | "toxiproxy" | "jaeger";

/** A file that mentions one of these has the need. */
const NAMES: Readonly<Record<Need, RegExp>> = {
  "nats-streaming":
    /brokerEnvironment|natsStreamingOptions|findBroker|startStack|WAYBILL_TEST_NATS_URL|tools\/(torture\/|stack\/(?!compiled|pgbouncer|postgres|redis))/,
  jetstream: /[jJ]etStream\(|BROKER_KINDS|torture\/.*jetstream/s,
  kafka: /Kafka\(|BROKER_KINDS|findKafka|findProgram/,
  toxiproxy: /Toxiproxy|tools\/torture\/|torture\.test/,
  jaeger: /Jaeger\./,
};

export class Needs {
  readonly #ready = new Map<Need, Promise<Environment>>();
  readonly #isReady = new Set<Need>();
  readonly #needs = new Map<string, readonly Need[]>();

  /**
   * @param folder for the shared servers.
   * @param started receives the servers, to stop them.
   */
  static async begin(
    files: readonly string[],
    folder: string,
    started: AsyncDisposableStack,
    say: (text: string) => void,
  ): Promise<Needs> {
    const needs = new Needs();
    for (const file of files) {
      const text = await readFile(join(ROOT, file), "utf8");
      const named = Object.entries(NAMES).filter(([, name]) => name.test(text));
      needs.#needs.set(
        file,
        named.map(([need]) => need as Need),
      );
    }
    const wanted = new Set([...needs.#needs.values()].flat());
    const prepare = (need: Need, work: () => Promise<Environment>) => {
      if (!wanted.has(need)) return;
      const preparing = work().then((environment) => {
        needs.#isReady.add(need);
        return environment;
      });
      preparing.catch(() => {});
      needs.#ready.set(need, preparing);
    };
    // One compiler uses all processors. What most files need comes first.
    let building: Promise<unknown> = Promise.resolve();
    const inTurn = <T>(find: (say: (text: string) => void) => Promise<T>): Promise<T> => {
      const found = building.then(() => find(say));
      building = found.catch(() => {});
      return found;
    };
    prepare("nats-streaming", async () => {
      const program = await inTurn(findBroker);
      if (!program) throw new Error("the tests need a NATS Streaming server; see docs/CONTRIBUTING.md");
      say("starting NATS Streaming");
      const broker = await NatsStreaming.create(program, join(folder, "nats-streaming"));
      started.defer(() => broker.stop());
      return { WAYBILL_TEST_NATS_URL: broker.url };
    });
    // Only downloads, so it need not wait.
    prepare("kafka", async () => {
      const broker = await Kafka.find(join(folder, "kafka"), say, { isBrief: true });
      if (!broker) return {};
      started.defer(() => broker.stop("SIGKILL"));
      return { WAYBILL_TEST_KAFKA: broker.address };
    });
    prepare("toxiproxy", async () => ignore(await inTurn(findToxiproxy)));
    prepare("jetstream", async () => ignore(await inTurn(findNatsServer)));
    prepare("jaeger", async () => ignore(await inTurn(findJaeger)));
    return needs;
  }

  areReady(file: string): boolean {
    return this.#needsOf(file).every((need) => this.#isReady.has(need));
  }

  /** @throws if a required program is not available. */
  async oneMore(): Promise<void> {
    await Promise.race(
      [...this.#ready].filter(([need]) => !this.#isReady.has(need)).map(([, ready]) => ready),
    );
  }

  async environmentFor(file: string): Promise<Environment> {
    const parts = await Promise.all(this.#needsOf(file).map((need) => this.#ready.get(need)));
    return Object.assign({}, ...parts);
  }

  #needsOf(file: string): readonly Need[] {
    return this.#needs.get(file) ?? [];
  }
}

/** Tests find programs themselves, or are skipped. */
function ignore(_path: string | undefined): Environment {
  return {};
}
