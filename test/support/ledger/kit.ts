/** The ledger's kit: many messages change one account, and the balance is read back. */
import type { Database } from "../../../src/database/database.ts";
import type {
  DomainKit,
  KitMessage,
  MessageFactory,
  Published,
  Reader,
  Witness,
} from "../../../tools/domains/kit.ts";
import { SeededRandom } from "../../../tools/domains/random.ts";
import { ledger } from "./index.ts";
import { entryOf } from "./messages.ts";

export const ledgerKit: DomainKit = {
  domain: ledger,
  messageNoun: "entry",
  intake: (payload) => ({ path: "/ledger/entries", body: payload }),
  documentBytesMax: 64 * 1024,
  createFactory: (seed, run = crypto.randomUUID()) => new LedgerFactory(seed, run),
  garbage: {
    "fraction of an amount": {
      code: "schema",
      paths: ["/amount"],
      make: (document) => JSON.stringify({ ...JSON.parse(document), amount: 0.5 }),
    },
    "unknown member": {
      code: "schema",
      paths: ["/currency"],
      make: (document) => JSON.stringify({ ...JSON.parse(document), currency: "EUR" }),
    },
  },
  hostile: [(document) => document.replace('"amount":', '"amount":-')],
  readBack: {
    noun: "accounts",
    request: (account) => ({ path: `/ledger/accounts/${encodeURIComponent(account)}` }),
    compare: (answer, published) => {
      const balance = Number(JSON.parse(answer.toString()).balance);
      const [least, most] = boundsOf(published);
      if (balance < least) return "missing";
      return balance > most ? "different" : "complete";
    },
  },
  createWitness: () => new LedgerWitness(),
  addresses: {},
  pictures: {
    page: { name: "ledger", path: "/" },
    letter: () => ({ payload: Buffer.from("{"), mend: (text) => text }),
    commonPath: "/amount",
  },
};

class LedgerFactory extends SeededRandom implements MessageFactory {
  readonly #run: string;
  #count = 0;

  constructor(seed: number, run: string) {
    super(seed);
    this.#run = run;
  }

  valid(): KitMessage {
    this.#count += 1;
    const account = `${this.#run}-${this.pick(["a", "b", "c"])}`;
    const payload = entryOf(`${this.#run}-${this.#count}`, account, 1 + Math.floor(this.random() * 100));
    return { kind: "valid", payload, key: account, becomes: { outcome: "projected" } };
  }

  conflictWith({ payload, key = "" }: KitMessage): KitMessage {
    const { id, amount } = JSON.parse(payload.toString());
    const becomes = { outcome: "dead", code: "conflict", paths: ["/id"] } as const;
    return { kind: "conflict", payload: entryOf(id, key, amount + 1), key, becomes };
  }
}

/** Of two contents with one id, the first to arrive counts: the balance lies between two sums. */
function boundsOf(published: readonly Buffer[]): [least: number, most: number] {
  const amounts = new Map<string, number[]>();
  for (const payload of published) {
    const { id, amount } = JSON.parse(payload.toString());
    amounts.set(id, [...(amounts.get(id) ?? []), amount]);
  }
  const sum = (pick: (...amounts: number[]) => number) =>
    [...amounts.values()].reduce((total, each) => total + pick(...each), 0);
  return [sum(Math.min), sum(Math.max)];
}

class LedgerWitness implements Witness {
  #attempted: string[] = [];
  #acknowledged: string[] = [];

  attempted({ payload }: Published): void {
    this.#attempted.push(payload.toString());
  }

  acknowledged({ key, payload }: Published): void {
    if (key !== undefined) this.#acknowledged.push(JSON.parse(payload.toString()).id);
  }

  startOver(): void {}

  async check(database: Database, services: readonly Reader[]): Promise<string[]> {
    const findings: string[] = [];
    const { rows } = await database.query<{ id: string; account: string; amount: bigint }>(
      "select id, account, amount from ledger_entries",
    );
    const stored = new Map(
      rows.map(({ id, account, amount }) => [id, `${entryOf(id, account, Number(amount))}`]),
    );
    for (const id of this.#acknowledged) {
      const entry = stored.get(id);
      if (entry === undefined) findings.push(`entry ${id} is not in the table`);
      else if (!this.#attempted.includes(entry))
        findings.push(`entry ${id} has a content that was never published`);
    }
    for (const service of services) {
      for (const account of new Set(rows.map((row) => row.account))) {
        if (!(await service.read(account)))
          findings.push(`account ${account} is not served by ${service.url}`);
      }
    }
    return findings;
  }
}
