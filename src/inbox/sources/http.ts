/**
 * The HTTP ingress: each request is one message, answered after the commit. The Idempotency-Key is the message's
 * identity, so a repeated request is recognised.
 */
import { randomUUID } from "node:crypto";
import { KeyReusedError, PausedError, UnavailableError } from "../../contract/errors.ts";
import { headersToJson } from "../../contract/headers.ts";
import type { NewMessage, Receipt } from "../../contract/message.ts";
import type { Sink, Source } from "../../contract/source.ts";

export type HttpSourceOptions = Readonly<{
  channel: string;
  hasPayload: (position: bigint, payload: Buffer) => Promise<boolean>;
}>;

export class HttpSource implements Source {
  readonly name = "http";
  readonly channel: string;
  readonly #options: HttpSourceOptions;
  /** Offered messages that are not committed yet. */
  readonly #inFlight = new Map<string, Promise<Receipt>>();
  #inbox: Sink | undefined;
  #isPaused = false;

  constructor(options: HttpSourceOptions) {
    this.#options = options;
    this.channel = options.channel;
  }

  get health() {
    return this.#inbox ? { connected: true } : { connected: false, reason: "not started or stopping" };
  }

  start(inbox: Sink): void {
    this.#inbox = inbox;
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
  }

  async stop(): Promise<void> {
    this.#inbox = undefined;
  }

  async close(): Promise<void> {}

  /**
   * A repeated id resolves with the first position.
   * @throws KeyReusedError if the id exists with another payload; UnavailableError if the message was refused, or not
   * committed in time. Retrying with the same id is safe.
   */
  async receive(given: Omit<NewMessage, "messageId"> & { messageId?: string | undefined }): Promise<Receipt> {
    const { payload, messageId = randomUUID() } = given;
    const deadline = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    // A second request with the same key waits for the first.
    for (let earlier = this.#inFlight.get(messageId); earlier; earlier = this.#inFlight.get(messageId)) {
      await inTime(earlier, deadline);
    }
    const receipt = await inTime(this.#offer({ ...given, messageId }), deadline);
    if (!receipt.isNew && !(await this.#options.hasPayload(receipt.position, payload))) {
      throw new KeyReusedError("this Idempotency-Key was used with another payload before");
    }
    return receipt;
  }

  async #offer({ messageId, payload, headers = {}, traceparent }: NewMessage): Promise<Receipt> {
    const inbox = this.#inbox;
    if (this.#isPaused) {
      // Without the operator's name and reason: the sender may be an outsider.
      throw new PausedError("an operator paused this intake", PAUSED_RETRY_AFTER_SECONDS);
    }
    if (!inbox)
      throw new UnavailableError("the service accepts no messages at the moment", RETRY_AFTER_SECONDS);
    if (inbox.failure !== undefined)
      throw new UnavailableError("the database is unavailable", RETRY_AFTER_SECONDS);
    const { promise, resolve } = Promise.withResolvers<Receipt>();
    const committed = (receipt: Receipt) => {
      this.#inFlight.delete(messageId);
      resolve(receipt);
    };
    const headersJson = headersToJson({ headers: Object.entries(headers) });
    const message = {
      source: this.name,
      channel: this.#options.channel,
      messageId,
      payload,
      publishedAtMs: Date.now(),
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(headersJson === undefined ? {} : { headers: headersJson }),
    };
    if (!inbox.offer(message, committed))
      throw new UnavailableError("the inbox is full", RETRY_AFTER_SECONDS);
    // Until the commit, even if the sender gives up: the message is still buffered.
    this.#inFlight.set(messageId, promise);
    return promise;
  }
}

async function inTime<T>(promise: Promise<T>, deadline: AbortSignal): Promise<T> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const expire = () =>
    reject(new UnavailableError("the message was not stored in time", RETRY_AFTER_SECONDS));
  if (deadline.aborted) expire();
  deadline.addEventListener("abort", expire, { once: true });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    deadline.removeEventListener("abort", expire);
  }
}

/** Less than most clients' timeout, and a hundred times an append. */
const ANSWER_TIMEOUT_MS = 10_000;
const RETRY_AFTER_SECONDS = 2;
/** A pause lasts minutes. */
const PAUSED_RETRY_AFTER_SECONDS = 30;
