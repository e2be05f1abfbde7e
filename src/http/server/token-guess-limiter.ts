/**
 * Limits wrong tokens per client address. Tokens are too long to be guessed; the limit saves work. It never refuses a
 * valid token: clients that share an address must not lock each other out.
 */
import type { IncomingMessage } from "node:http";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { TooManyAttemptsError } from "../../contract/errors.ts";
import type { ClientAddresses } from "./client-address.ts";

export class TokenGuessLimiter {
  readonly #limiter = new RateLimiterMemory({ points: FAILURES_MAX, duration: WINDOW_SECONDS });
  readonly #addresses: ClientAddresses;

  constructor(addresses: ClientAddresses) {
    this.#addresses = addresses;
  }

  /** @throws TooManyAttemptsError */
  async count(request: IncomingMessage): Promise<void> {
    await this.#limiter.consume(this.#addresses.read(request)).catch((error: unknown) => {
      throw error instanceof RateLimiterRes ? tooMany(error) : error;
    });
  }
}

function tooMany({ msBeforeNext }: RateLimiterRes): TooManyAttemptsError {
  const seconds = Math.ceil(msBeforeNext / 1000);
  return new TooManyAttemptsError(`too many wrong tokens; try again in ${seconds} s`, seconds);
}

/** Enough for typing errors. */
const FAILURES_MAX = 10;
const WINDOW_SECONDS = 60;
