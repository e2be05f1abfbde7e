/** Messages for the ledger: deposits and withdrawals on few accounts, with every kind of mistake among them. */
import type { Message } from "../../../src/contract/message.ts";
import { messageOf } from "../messages.ts";
import { randomOf } from "../random.ts";

/** One entry as its payload. */
export function entryOf(id: string, account: string, amount: number): Buffer {
  return Buffer.from(JSON.stringify({ id, account, amount }));
}

export function validEntries(count: number): Message[] {
  return Array.from({ length: count }, (_none, index) =>
    messageOf(entryOf(`valid ${index}`, "a", 1), { channel: "ledger" }),
  );
}

/** About a tenth each are duplicates, conflicts and invalid. */
export function ledgerMessages(count: number, seed: number): Message[] {
  const random = randomOf(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const made: Buffer[] = [entryOf(`${seed}-0`, "a", 100)];
  for (let index = 1; index < count; index++) {
    const kind = random();
    const fresh = () =>
      entryOf(`${seed}-${index}`, pick(["a", "b", "c", "d"]), Math.floor(random() * 200) - 100);
    if (kind < 0.1) made.push(pick(made));
    else if (kind < 0.2) made.push(conflictWith(pick(made)) ?? fresh());
    else if (kind < 0.3)
      made.push(Buffer.from(pick(['{"id":1}', "[]", "", '{"id":"x","account":"a"}', "{"])));
    else made.push(fresh());
  }
  return made.map((payload) => messageOf(payload, { channel: "ledger" }));
}

function conflictWith(payload: Buffer): Buffer | undefined {
  const { id, account, amount } = (() => {
    try {
      return JSON.parse(payload.toString());
    } catch {
      return {};
    }
  })();
  return typeof id === "string" && typeof amount === "number" ? entryOf(id, account, amount + 1) : undefined;
}
