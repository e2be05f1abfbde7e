/** Messages for loms: few SKUs, so that their commands meet, with every kind of mistake among them. */
import type { Message } from "../../../src/contract/message.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import { LomsFactory } from "../../../tools/domains/loms/factory.ts";
import { lomsKit } from "../../../tools/domains/loms/index.ts";
import { makeLoad } from "../../../tools/publisher/load.ts";
import { messageOf } from "../messages.ts";

/** The first stocks of loms, as messages. */
export const STOCK_PUTS: readonly object[] = (loms.firstMessages ?? []).map(({ payload }) =>
  JSON.parse(payload.toString()),
);

export function commandMessage(command: object): Message {
  return messageOf(JSON.stringify(command), { channel: "loms" });
}

export function validCommands(count: number): Message[] {
  const factory = new LomsFactory(1, "valid");
  return Array.from({ length: count }, () => commandMessage(factory.next()));
}

/** With garbage, duplicates and conflicts. */
export function lomsMessages(count: number, seed: number): Message[] {
  const puts = STOCK_PUTS.map(commandMessage);
  const load = makeLoad(lomsKit, new LomsFactory(seed, `seed${seed}`), count - puts.length, MIX);
  return [...puts, ...[...load].map(({ payload }) => messageOf(payload, { channel: "loms" }))];
}

const MIX = { garbage: 0.1, duplicates: 0.1, conflicts: 0.1 };
