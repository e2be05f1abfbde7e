/**
 * The ingress over HTTP: one request is one message, and its answer comes after the commit. The sender's
 * Idempotency-Key is the message's identity, so a request that is sent again is recognised.
 */
import { randomUUID } from "node:crypto";
import { KeyReusedError, UnavailableError } from "../../contract/errors.ts";
import { headersToJson } from "../../contract/headers.ts";
import type { NewMessage, Receipt } from "../../contract/message.ts";
import type { Sink, Source } from "../../contract/source.ts";

export type HttpSourceOptions = Readonly<{
  channel: string;
  /** Whether the row at a position holds these bytes. */
  hasPayload: (position: bigint, payload: Buffer) => Promise<boolean>;
}>;

export class HttpSource implements Source {
  readonly name = "http";
  readonly channel: string;
  readonly #options: HttpSourceOptions;
  /** Messages that were offered and are not committed, by their id. */
  readonly #inFlight = new Map<string, Promise<Receipt>>();
  #inbox: Sink | undefined;

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

  async stop(): Promise<void> {
    this.#inbox = undefined;
  }

  async close(): Promise<void> {}

  /**
   * Resolves once the message is committed; the same message id again resolves with the first position.
   * @throws KeyReusedError if the id came with other bytes before; UnavailableError if the message was not taken, or if
   * that is not known in time: sending it again with the same id is right in both cases.
   */
  async receive(given: Omit<NewMessage, "messageId"> & { messageId?: string | undefined }): Promise<Receipt> {
    const { payload, messageId = randomUUID() } = given;
    const deadline = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    // Two requests with one key at a time: the second waits, then the inbox knows the first.
    for (let earlier = this.#inFlight.get(messageId); earlier; earlier = this.#inFlight.get(messageId)) {
      await inTime(earlier, deadline);
    }
    const receipt = await inTime(this.#offer({ ...given, messageId }), deadline);
    if (!receipt.isNew && !(await this.#options.hasPayload(receipt.position, payload))) {
      throw new KeyReusedError("this Idempotency-Key came with another payload before");
    }
    return receipt;
  }

  async #offer({ messageId, payload, headers = {}, traceparent }: NewMessage): Promise<Receipt> {
    const inbox = this.#inbox;
    if (!inbox) throw new UnavailableError("the service takes nothing in at the moment", RETRY_AFTER_SECONDS);
    if (inbox.failure !== undefined) throw new UnavailableError("the database is away", RETRY_AFTER_SECONDS);
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
    // Until it is committed, and not only until the sender gives up: the message is still buffered.
    this.#inFlight.set(messageId, promise);
    return promise;
  }
}

async function inTime<T>(promise: Promise<T>, deadline: AbortSignal): Promise<T> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const expire = () => reject(new UnavailableError("it was not stored in time", RETRY_AFTER_SECONDS));
  if (deadline.aborted) expire();
  deadline.addEventListener("abort", expire, { once: true });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    deadline.removeEventListener("abort", expire);
  }
}

/** Within what most clients wait for; an append takes a hundredth of it. */
const ANSWER_TIMEOUT_MS = 10_000;
const RETRY_AFTER_SECONDS = 2;
