/** What every witness keeps of a run: the contents that were published under each key, and which keys were acknowledged. */
import { createHash } from "node:crypto";
import type { Published } from "./kit.ts";

export class Journal {
  /** The hashes of the contents that were published under each key. */
  readonly #contents = new Map<string, Set<string>>();
  readonly #acknowledged = new Set<string>();
  /** Acknowledged since the last check. */
  #fresh = new Set<string>();

  attempted({ key, payload }: Published): void {
    if (key === undefined) return;
    const contents = this.#contents.get(key) ?? new Set();
    this.#contents.set(key, contents.add(hashOf(payload)));
  }

  acknowledged({ key }: Published): void {
    if (key === undefined) return;
    this.#fresh.add(key);
    this.#acknowledged.add(key);
  }

  startOver(): void {
    this.#fresh = new Set(this.#acknowledged);
  }

  /** The keys that were acknowledged since the last time. */
  takeFresh(): string[] {
    const keys = [...this.#fresh];
    this.#fresh = new Set();
    return keys;
  }

  /** @param hash of `hashOf`, or PostgreSQL's md5 of a payload. */
  wasPublished(key: string, hash: string): boolean {
    return this.#contents.get(key)?.has(hash) ?? false;
  }
}

export function hashOf(payload: Buffer): string {
  return createHash("md5").update(payload).digest("hex");
}
