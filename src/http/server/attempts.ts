/**
 * Counts wrong tokens by the address they come from. Tokens are too long to be guessed at any pace; this spares the work,
 * and tells those who try. A right token is never refused: many can share an address, and one of them must not lock out
 * the others.
 */
import type { IncomingMessage } from "node:http";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { TooManyAttemptsError } from "../../contract/errors.ts";
import type { ClientAddresses } from "./client-address.ts";

export class Attempts {
  readonly #limiter = new RateLimiterMemory({ points: FAILURES_MAX, duration: WINDOW_SECONDS });
  readonly #addresses: ClientAddresses;

  constructor(addresses: ClientAddresses) {
    this.#addresses = addresses;
  }

  /** Counts a wrong token. @throws TooManyAttemptsError if its address gave too many lately. */
  async count(request: IncomingMessage): Promise<void> {
    await this.#limiter.consume(this.#addresses.of(request)).catch((error: unknown) => {
      throw error instanceof RateLimiterRes ? tooMany(error) : error;
    });
  }
}

function tooMany({ msBeforeNext }: RateLimiterRes): TooManyAttemptsError {
  const seconds = Math.ceil(msBeforeNext / 1000);
  return new TooManyAttemptsError(`too many wrong tokens; try again in ${seconds} s`, seconds);
}

/** Enough for slips of the pen. */
const FAILURES_MAX = 10;
const WINDOW_SECONDS = 60;
