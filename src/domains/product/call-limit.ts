/** The service's own limit of calls: whoever calls, more than so many in a second are refused. */
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { TooManyCallsError } from "../../contract/errors.ts";

/** @returns counts one call. @throws TooManyCallsError if the second has had all its calls. */
export function callLimit(callsPerSecond: number): () => Promise<void> {
  const limiter = new RateLimiterMemory({ points: callsPerSecond, duration: 1 });
  return async () => {
    try {
      await limiter.consume("all callers");
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      const seconds = Math.ceil(refusal.msBeforeNext / 1000);
      throw new TooManyCallsError(`more than ${callsPerSecond} calls in this second`, seconds);
    }
  };
}
