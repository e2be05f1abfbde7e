/** Events for other systems: one per decision and per expired hold. */
import type { OutboxEvent } from "../../contract/domain.ts";
import { majorUnits } from "./amount.ts";
import { type CommandType, SYSTEM_OWNER } from "./commands.ts";
import type { Folded } from "./fold.ts";
import type { Currency } from "./model.ts";

export const EVENTS_TOPIC = "wallet.events";

/** The owner is the key, which keeps the order. Ticks have no event. */
export function eventsOf(
  { transaction, expired, currency, balances }: Folded,
  currencies: ReadonlyMap<string, Currency>,
): OutboxEvent[] {
  const { position, owner, id, type, reason, amount, counterparty, hold, atMs } = transaction;
  const at = new Date(atMs).toISOString();
  const events = expired.map((due, index) =>
    eventOf(position, `expired-${index}`, due.owner, {
      type: "hold_expired",
      owner: due.owner,
      hold: due.id,
      currency: due.currency,
      at,
    }),
  );
  if (type === "tick") return events;
  const text = (minor: bigint | undefined) => {
    const known = currency && currencies.get(currency.code);
    return minor === undefined || !known ? undefined : majorUnits(minor, known.exponent);
  };
  const document = {
    type: reason === undefined ? PAST[type] : "declined",
    position: String(position),
    owner: owner === SYSTEM_OWNER ? undefined : owner,
    id,
    command: type,
    reason,
    currency: transaction.currency,
    amount: text(amount),
    counterparty,
    hold,
    available: text(balances?.available),
    held: text(balances?.held),
    at,
  };
  events.push(eventOf(position, "command", owner, document));
  return events;
}

function eventOf(position: bigint, part: string, owner: string, document: object): OutboxEvent {
  return {
    position,
    topic: EVENTS_TOPIC,
    key: owner,
    payload: Buffer.from(JSON.stringify(document)),
    headers: { "message-id": `wallet/${position}/${part}`, "content-type": "application/json" },
  };
}

const PAST: Readonly<Record<CommandType, string>> = {
  deposit: "deposited",
  withdraw: "withdrawn",
  transfer: "transferred",
  hold: "held",
  capture: "captured",
  release: "released",
  reverse: "reversed",
  "currency.put": "currency_put",
  tick: "ticked",
};
