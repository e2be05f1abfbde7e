/**
 * The saga from cart to order. Each step can be repeated:
 *
 *   1. `checkout.begin` freezes the items under the checkout's id.
 *   2. OrderCreate uses that id as its idempotency key, so repeated calls get one order.
 *   3. `checkout.done` or `checkout.failed`, under an id derived from the checkout's, ends it.
 *
 * A checkout that is interrupted stays open until the user's next call or the background work of any process ends it.
 */
import type { Client } from "@connectrpc/connect";
import type { DomainContext } from "../../../contract/domain.ts";
import { KeyReusedError, UnavailableError, UpstreamError } from "../../../contract/errors.ts";
import type { RpcCall } from "../../../contract/rpc.ts";
import { decide } from "../../../contract/rpc-command.ts";
import type { LomsService } from "../../../proto/marketplace/loms/v1/loms_pb.ts";
import { selectCheckout, type WholeCheckout } from "../checkouts-table.ts";
import { type CommandOf, MESSAGE_LENGTH_MAX } from "../commands.ts";
import type { CartDecisions } from "../decisions.ts";
import type { Checkout } from "../model.ts";

export type CheckoutsOptions = Readonly<{
  context: Pick<DomainContext, "database" | "submit">;
  decisions: CartDecisions;
  loms: Pick<Client<typeof LomsService>, "orderCreate">;
}>;

/** The part of a call that background work has too. */
export type Caller = Pick<RpcCall, "requestHeader" | "signal">;

export class Checkouts {
  readonly #options: CheckoutsOptions;

  constructor(options: CheckoutsOptions) {
    this.#options = options;
  }

  /** @returns the ended checkout. @throws if it stays open, which does not tell whether an order exists. */
  async finish(id: string, caller: Caller): Promise<Checkout> {
    const { database } = this.#options.context;
    let checkout = await selectCheckout(database, id);
    if (checkout?.state === "open") {
      await this.#end(checkout, caller);
      checkout = await selectCheckout(database, id);
    }
    if (checkout && checkout.state !== "open") return checkout;
    throw new UnavailableError("the checkout has not ended yet; the same idempotency-key asks again", 1);
  }

  async #end(checkout: WholeCheckout, caller: Caller): Promise<void> {
    const { context, decisions } = this.#options;
    const command = await this.#order(checkout, caller.signal);
    try {
      await decide(context, decisions, caller, command.id, command);
    } catch (error) {
      // Another process has recorded the end with another message.
      if (!(error instanceof KeyReusedError)) throw error;
    }
  }

  /** @throws without a final answer of the order service. */
  async #order({ id, user, items }: WholeCheckout, signal: AbortSignal): Promise<Ending> {
    const common = { user, checkout: id };
    const headers = { "idempotency-key": id };
    try {
      const { orderId } = await this.#options.loms.orderCreate(
        { user: BigInt(user), items: [...items] },
        { headers, signal },
      );
      return { ...common, id: `${id} done`, type: "checkout.done", order: String(orderId) };
    } catch (error) {
      if (!(error instanceof UpstreamError) || !FINAL.includes(error.status)) throw error;
      const { status, reason } = error;
      const message = error.message.slice(0, MESSAGE_LENGTH_MAX).replaceAll("\0", "").toWellFormed();
      const rule = reason === undefined ? {} : { reason };
      return { ...common, id: `${id} failed`, type: "checkout.failed", status, ...rule, message };
    }
  }
}

type Ending = CommandOf<"checkout.done"> | CommandOf<"checkout.failed">;

/** A repeated call gets the same answer: no order was created. Other statuses leave that open. */
const FINAL: readonly string[] = ["FAILED_PRECONDITION", "INVALID_ARGUMENT", "ALREADY_EXISTS"];
