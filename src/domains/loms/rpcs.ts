/** The RPCs. A command is answered when any process has decided it; reads come from the tables. */
import type { ServiceImpl } from "@connectrpc/connect";
import { isRejection } from "../../contract/command-shapes.ts";
import type { DomainContext } from "../../contract/domain.ts";
import { DeclinedError, InvalidInputError, NotFoundError } from "../../contract/errors.ts";
import { Gatherer } from "../../contract/gather.ts";
import type { RpcCall } from "../../contract/rpc.ts";
import { commandIdOf, decide } from "../../contract/rpc-command.ts";
import type { LomsService } from "../../proto/marketplace/loms/v1/loms_pb.ts";
import { selectChanges } from "./changes-table.ts";
import { type Command, checkCommand } from "./commands.ts";
import type { LomsDecisions } from "./decisions.ts";
import { availableOf, type Decided, type DeclineReason } from "./model.ts";
import { selectOrder } from "./orders-table.ts";
import { selectStocks } from "./stocks-table.ts";

export function lomsRpcs(
  context: Pick<DomainContext, "database" | "submit">,
  decisions: LomsDecisions,
): ServiceImpl<typeof LomsService> {
  const { database } = context;

  const stocks = new Gatherer(
    async (skus: readonly number[]) =>
      new Map((await selectStocks(database, skus)).map((stock) => [stock.sku, stock])),
    { isImmutable: false },
  );

  /** @throws DeclinedError, NotFoundError if there is no such order */
  const ask = async (call: RpcCall, members: object): Promise<Decided> => {
    const id = commandIdOf(call);
    const decided = await decide(context, decisions, call, id, commandOf({ id, ...members }));
    if (decided.reason !== undefined) decline(decided.reason, decided);
    return decided;
  };

  return {
    orderCreate: async ({ user, items }, call) => {
      const wanted = items.map(({ sku, count }) => ({ sku, count }));
      const { order } = await ask(call, { type: "order.create", user: String(user), items: wanted });
      return { orderId: order as bigint };
    },
    orderInfo: async ({ orderId }) => {
      const order = await selectOrder(database, orderId);
      if (!order) throw new NotFoundError(TITLES.order_not_found);
      const { status, user, items } = order;
      return { status, user, items: [...items] };
    },
    orderHistory: async ({ orderId }) => {
      const changes = await selectChanges(database, orderId);
      if (changes.length === 0) throw new NotFoundError(TITLES.order_not_found);
      return {
        changes: changes.map(({ sequence, status, atMs }) => ({
          sequence,
          status,
          moment: new Date(atMs).toISOString(),
        })),
      };
    },
    orderPay: async ({ orderId }, call) => {
      await ask(call, { type: "order.pay", order: String(orderId) });
      return {};
    },
    orderCancel: async ({ orderId }, call) => {
      await ask(call, { type: "order.cancel", order: String(orderId) });
      return {};
    },
    stockInfo: async ({ sku }) => {
      const stock = await stocks.find(sku);
      if (!stock) throw new NotFoundError("there is no such SKU");
      return { count: BigInt(availableOf(stock)) };
    },
  };
}

/** Checks the domain's shape before anything is stored: a call has passed only the rules of the `.proto`. */
function commandOf(document: object): Command {
  const command = checkCommand(document);
  if (!isRejection(command)) return command;
  const [{ path = "", expected = "" } = {}] = command.problems;
  const parameter = path.slice(1).replaceAll("/", ".");
  throw new InvalidInputError(parameter, `${parameter} must be ${expected}`);
}

function decline(reason: DeclineReason, { order }: Decided): never {
  if (reason === "order_not_found") throw new NotFoundError(TITLES[reason]);
  throw new DeclinedError(reason, TITLES[reason], order === undefined ? {} : { order_id: String(order) });
}

const TITLES: Readonly<Record<DeclineReason, string>> = {
  unknown_sku: "an SKU of the order is not known; the order is kept as failed",
  insufficient_stock: "the stock does not cover the order; the order is kept as failed",
  order_not_found: "there is no such order",
  wrong_status: "the order is not in a status in which this can be done",
  reserved_by_orders: "orders reserve more pieces than that",
};
