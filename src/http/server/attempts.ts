/** Counts wrong tokens by the address they come from, so that tokens cannot be tried out at leisure. */
import type { IncomingMessage } from "node:http";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { TooManyAttemptsError } from "../../contract/errors.ts";

export class Attempts {
  readonly #limiter = new RateLimiterMemory({ points: FAILURES_MAX, duration: WINDOW_SECONDS });

  /** @throws TooManyAttemptsError where the address gave too many wrong ones lately, whatever it gives now. */
  async check(request: IncomingMessage): Promise<void> {
    const failures = await this.#limiter.get(addressOf(request));
    if (failures && failures.consumedPoints >= FAILURES_MAX) throw tooMany(failures);
  }

  /** Counts a wrong one. */
  async fail(request: IncomingMessage): Promise<void> {
    await this.#limiter.consume(addressOf(request)).catch((error: unknown) => {
      if (!(error instanceof RateLimiterRes)) throw error;
    });
  }
}

function tooMany({ msBeforeNext }: RateLimiterRes): TooManyAttemptsError {
  const seconds = Math.ceil(msBeforeNext / 1000);
  return new TooManyAttemptsError(`too many wrong tokens; try again in ${seconds} s`, seconds);
}

/** Behind a proxy that is the proxy's: then all share one count, and the proxy should limit by itself. */
function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? "unknown";
}

/** Enough for slips of the pen; at this pace the shortest token allowed is never found. */
const FAILURES_MAX = 10;
const WINDOW_SECONDS = 60;
