/** Messages for the wallet: few users, so that their commands meet, with every kind of mistake among them. */
import type { Message } from "../../../src/contract/message.ts";
import { WalletFactory } from "../../../tools/domains/wallet/factory.ts";
import { messageOf } from "../messages.ts";
import { randomOf } from "../random.ts";

export const CURRENCY_PUTS: readonly object[] = [
  ["USD", 840, 2],
  ["EUR", 978, 2],
  ["RUB", 643, 2],
  ["JPY", 392, 0],
  ["KWD", 414, 3],
].map(([code, numeric_code, exponent]) => ({
  id: `currency-${code}`,
  type: "currency.put",
  code,
  numeric_code,
  exponent,
  enabled: true,
}));

export function commandMessage(command: object): Message {
  return messageOf(JSON.stringify(command), { channel: "wallet" });
}

export function validCommands(count: number): Message[] {
  const factory = new WalletFactory(1, "valid", 3);
  return Array.from({ length: count }, () => commandMessage(factory.next()));
}

/** About a tenth each are duplicates, conflicts and invalid. */
export function walletMessages(count: number, seed: number): Message[] {
  const random = randomOf(seed);
  const factory = new WalletFactory(seed, `seed${seed}`, 4);
  const made = CURRENCY_PUTS.map(commandMessage);
  while (made.length < count) {
    const kind = random();
    const earlier = made[Math.floor(random() * made.length)] as Message;
    if (kind < 0.1) made.push(messageOf(earlier.payload, { channel: "wallet" }));
    else if (kind < 0.2) made.push(conflictWith(factory, earlier));
    else if (kind < 0.3) made.push(messageOf(invalid(factory, random), { channel: "wallet" }));
    else made.push(commandMessage(factory.next()));
  }
  return made;
}

function conflictWith(factory: WalletFactory, { payload }: Message): Message {
  const isCommand = payload.toString().startsWith('{"id":');
  const { kind, becomes } = factory.valid();
  const message = isCommand ? factory.conflictWith({ payload, kind, becomes }) : factory.valid();
  return messageOf(message.payload, { channel: "wallet" });
}

function invalid(factory: WalletFactory, random: () => number): string {
  const command = factory.next();
  const changes = [{ amount: "1e3" }, { owner: "external" }, { type: "mint" }, { extra: 1 }, { id: "" }];
  return JSON.stringify({ ...command, ...changes[Math.floor(random() * changes.length)] });
}
