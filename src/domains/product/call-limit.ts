/** One limit for all callers. */
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { TooManyCallsError } from "../../contract/errors.ts";

/** @returns counts a call. @throws TooManyCallsError */
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
