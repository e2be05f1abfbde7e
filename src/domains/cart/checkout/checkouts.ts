/**
 * The way from a cart to an order, over two services, each step of which can be repeated:
 *
 *   1. `checkout.begin` is decided: the items are frozen under the checkout's id.
 *   2. The order service is asked for an order under that id as its key; asked again, it answers with the same order.
 *   3. `checkout.done` or `checkout.failed` is decided, under an id that is made of the checkout's.
 *
 * A process may die, or its caller hang up, between any two steps: the checkout is open then, and whoever comes next goes
 * on from where it stands: the same user's next call, or the work in the background of any process.
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

/** What a call needs of the one that it answers; work in the background has no more. */
export type Caller = Pick<RpcCall, "requestHeader" | "signal">;

export class Checkouts {
  readonly #options: CheckoutsOptions;

  constructor(options: CheckoutsOptions) {
    this.#options = options;
  }

  /**
   * Goes on with a checkout until it has ended, with an order or without.
   * @throws if it is still open: the failure says nothing of whether there will be an order.
   */
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
      // Another process has recorded the same end in other words.
      if (!(error instanceof KeyReusedError)) throw error;
    }
  }

  /** @throws if the order service gave no final answer. */
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

/**
 * Whoever asks again gets the same answer: the order was refused, it can be none, or another command has its key. Every
 * other status says nothing of whether there is an order.
 */
const FINAL: readonly string[] = ["FAILED_PRECONDITION", "INVALID_ARGUMENT", "ALREADY_EXISTS"];
