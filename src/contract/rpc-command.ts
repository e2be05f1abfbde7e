/**
 * Commands that arrive as calls.
 *
 *   call ─▶ command ─▶ inbox (append, commit) ─▶ decision, in this process or another ─▶ answer
 */
import { randomUUID } from "node:crypto";
import { context } from "@opentelemetry/api";
import { traceparentOf } from "../telemetry/trace-context.ts";
import { COMMAND_ID, COMMAND_ID_DESCRIPTION } from "./command-shapes.ts";
import type { Decisions } from "./decisions.ts";
import type { DomainContext } from "./domain.ts";
import { InvalidInputError, UnavailableError } from "./errors.ts";
import { traceparentIn } from "./headers.ts";
import type { RpcCall } from "./rpc.ts";

/**
 * The caller's `idempotency-key`, so that a repeated call is the same command, or a random id.
 * @throws InvalidInputError
 */
export function commandIdOf(call: RpcCall): string {
  const key = call.requestHeader.get("idempotency-key");
  if (key === null) return randomUUID();
  if (COMMAND_ID.test(key)) return key;
  throw new InvalidInputError("idempotency-key", `idempotency-key must be ${COMMAND_ID_DESCRIPTION}`);
}

/**
 * @param id also the message's identity.
 * @returns the committed decision.
 * @throws UnavailableError if the command is not stored, or not decided before the call ends: retry with the same id;
 * KeyReusedError if the id belongs to another command; BuriedError if the projection failed on it.
 */
export async function decide<Command extends object, Decision>(
  { submit }: Pick<DomainContext, "submit">,
  decisions: Decisions<Command, Decision>,
  call: Pick<RpcCall, "requestHeader" | "signal">,
  id: string,
  command: Command,
): Promise<Decision> {
  const { position } = await submit({
    messageId: id,
    payload: Buffer.from(JSON.stringify(command)),
    traceparent:
      traceparentOf(context.active()) ??
      traceparentIn([["traceparent", call.requestHeader.get("traceparent") ?? undefined]]),
  });
  const decision = await decisions.of(command, position, call.signal);
  if (decision === undefined) {
    const sentence = `the command is stored at position ${position} but not decided yet; retry with the same idempotency-key`;
    throw new UnavailableError(sentence, 1);
  }
  return decision;
}
