/**
 * A command is appended, and the response waits for its decision:
 *
 *   request ─▶ inbox (append, commit) ─▶ decision, in any process ─▶ 201, or 409 with the reason
 *                                     └─ timeout ─▶ 202; repeating the request waits again
 */
import type { ServerResponse } from "node:http";
import type { DomainContext } from "../../../contract/domain.ts";
import { InvalidInputError, NotFoundError } from "../../../contract/errors.ts";
import { traceparentIn } from "../../../contract/headers.ts";
import { selectPayloads } from "../../../contract/payloads-table.ts";
import { type Credential, type Request, type Route, sendJson } from "../../../contract/route.ts";
import { COMMAND_TYPES, type Command, type CommandType, ownerOf, parseCommand } from "../commands.ts";
import { readCurrencies } from "../currencies-table.ts";
import type { WalletDecisions } from "../decisions.ts";
import { entryDocument } from "../documents.ts";
import type { WalletMetrics } from "../metrics.ts";
import { idText } from "../model.ts";
import { selectAppended } from "../receipts-table.ts";
import { type Entry, selectEntry } from "../statement-table.ts";
import { selectTransactions } from "../transactions-table.ts";
import { decline, receiptDocument } from "./answers.ts";
import * as operations from "./operations.ts";
import { type Given, payloadOf, readCommand, readKey } from "./read-command.ts";
import { within } from "./within.ts";

export type CommandRoutesOptions = Readonly<{
  context: Pick<DomainContext, "database" | "submit" | "isTakingHttp">;
  user: Credential;
  decisions: WalletDecisions;
  answerSeconds: number;
  answered: WalletMetrics["answered"];
}>;

/** Without the `http` source, commands can only be shown. */
export function commandRoutes(options: CommandRoutesOptions): Route[] {
  const { context, user } = options;
  const answer = async (request: Request, response: ServerResponse, given: Given) =>
    submit(options, request, response, await readCommand(request, given));
  const post = (path: string, type: CommandType): Route => ({
    method: "POST",
    path,
    access: user,
    operation: operations.command(type, path),
    handle: (request, response) => {
      const { subject: owner = "", params } = request;
      const hold = params.id === undefined ? {} : { hold: readKey(params.id) };
      return answer(request, response, { type, owner, ...hold });
    },
  });
  const show: Route = {
    method: "GET",
    path: "/wallet/commands/:id",
    access: user,
    operation: operations.showCommand,
    handle: (request, response) => showCommand(options, request, response),
  };
  if (!context.isTakingHttp) return [show];
  return [
    {
      method: "POST",
      path: "/wallet/commands",
      access: user,
      operation: operations.anyCommand,
      handle: async (request, response) => {
        const command = await readCommand(request, { owner: request.subject as string });
        if (!USER_COMMANDS.includes(command.type))
          throw new InvalidInputError("type", `type must be one of ${USER_COMMANDS.join(", ")}`);
        return submit(options, request, response, command);
      },
    },
    post("/wallet/deposits", "deposit"),
    post("/wallet/withdrawals", "withdraw"),
    post("/wallet/transfers", "transfer"),
    post("/wallet/holds", "hold"),
    post("/wallet/holds/:id/capture", "capture"),
    post("/wallet/holds/:id/release", "release"),
    post("/wallet/reversals", "reverse"),
    {
      method: "POST",
      path: "/wallet/currencies",
      access: "operator",
      operation: operations.putCurrency,
      handle: (request, response) => answer(request, response, { type: "currency.put" }),
    },
    show,
  ];
}

async function submit(
  { context, decisions, answerSeconds, answered }: CommandRoutesOptions,
  request: Request,
  response: ServerResponse,
  command: Command,
): Promise<void> {
  const begun = performance.now();
  const { position } = await context.submit({
    messageId: idText(ownerOf(command), command.id),
    payload: payloadOf(command),
    traceparent: traceparentIn([["traceparent", request.headers.traceparent as string | undefined]]),
  });
  const receipt = await within(answerSeconds, response, (signal) => decisions.of(command, position, signal));
  const status = receipt ? (receipt.transaction.reason ? "declined" : "succeeded") : "pending";
  answered((performance.now() - begun) / 1000, { status });
  if (!receipt) return sendPending(response, position, command.id);
  if (receipt.transaction.reason !== undefined) decline(receipt);
  sendJson(response, 201, receiptDocument(receipt));
}

async function showCommand(
  options: CommandRoutesOptions,
  request: Request,
  response: ServerResponse,
): Promise<void> {
  const { database } = options.context;
  const owner = request.subject as string;
  const id = readKey(request.params.id);
  let position = await positionOf(options, owner, id);
  if (position === undefined) {
    const appended = await selectAppended(database, idText(owner, id));
    if (appended === undefined) throw new NotFoundError("there is no command with this id");
    position = await waitFor(options, appended, response);
    if (position === undefined) return sendPending(response, appended, id);
  }
  const entry = (await selectEntry(database, owner, position)) as Entry;
  sendJson(response, 200, entryDocument(entry, owner, await readCurrencies(database)));
}

async function positionOf({ context }: CommandRoutesOptions, owner: string, id: string) {
  const [decided] = await selectTransactions(context.database, [{ owner, id }]);
  return decided?.position;
}

/** @returns undefined after the timeout. */
async function waitFor(
  { context, decisions, answerSeconds }: CommandRoutesOptions,
  position: bigint,
  response: ServerResponse,
): Promise<bigint | undefined> {
  const payload = (await selectPayloads(context.database, [position])).get(position) as Buffer;
  const command = parseCommand(payload) as Command;
  const receipt = await within(answerSeconds, response, (signal) => decisions.of(command, position, signal));
  return receipt?.transaction.position;
}

function sendPending(response: ServerResponse, position: bigint, id: string): void {
  const location = `/wallet/commands/${encodeURIComponent(id)}`;
  sendJson(response, 202, { position: String(position), status: "pending" }, { location });
}

const USER_COMMANDS: readonly CommandType[] = COMMAND_TYPES.filter(
  (type) => type !== "currency.put" && type !== "tick",
);
