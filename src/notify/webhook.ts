/**
 * Sends one message to the webhook. The headers follow Standard Webhooks: an id, a time, and an HMAC-SHA256 signature
 * over id, time and body. The URL may hold a token, so no error names it.
 */
import { createHmac } from "node:crypto";
import type { Notice } from "./alert.ts";
import { bodyOf, type NotifyFormat } from "./formats.ts";

export type WebhookOptions = Readonly<{
  url: string;
  format: NotifyFormat;
  /** Undefined: messages are not signed. */
  secret: Buffer | undefined;
  timeoutMs?: number;
}>;

export type Delivery = Readonly<{
  isDelivered: boolean;
  /** Whether another attempt can help. */
  isRetriable: boolean;
  /** The status, or the kind of failure; without the URL. */
  result: string;
}>;

/** Never rejects. @param signal ends the attempt. */
export async function sendNotice(
  { url, format, secret, timeoutMs = TIMEOUT_MS }: WebhookOptions,
  notice: Notice,
  signal: AbortSignal,
): Promise<Delivery> {
  const body = JSON.stringify(bodyOf[format](notice));
  const id = `msg_${notice.id}_${notice.state}`;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature =
    secret && createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest("base64");
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        ...(signature === undefined ? {} : { "webhook-signature": `v1,${signature}` }),
      },
      body,
      // A redirect could lead the message to another host.
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await response.body?.cancel();
    const { status, ok } = response;
    return {
      isDelivered: ok,
      isRetriable: status >= 500 || RETRIABLE.has(status),
      result: `status ${status}`,
    };
  } catch (error) {
    return { isDelivered: false, isRetriable: true, result: reasonOf(error) };
  }
}

/** The message of an error can hold the URL. */
function reasonOf(error: unknown): string {
  const { name, cause } = error as Error;
  if (name === "TimeoutError") return "no answer in time";
  return String((cause as { code?: unknown } | undefined)?.code ?? name);
}

/** Request timeout, too many requests. */
const RETRIABLE = new Set([408, 429]);
const TIMEOUT_MS = 10_000;
