/** Compares secrets in constant time. */
import { createHmac, timingSafeEqual } from "node:crypto";

export function isEqual(given: string, expected: string): boolean {
  const digest = (text: string) => createHmac("sha256", "compare").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
