/** Journal of a run. */
import { createHash } from "node:crypto";
import type { Published } from "./kit.ts";

export class Journal {
  /** Hashes by key. */
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

  takeFresh(): string[] {
    const keys = [...this.#fresh];
    this.#fresh = new Set();
    return keys;
  }

  /** @param hash from hashOf, or PostgreSQL's md5. */
  wasPublished(key: string, hash: string): boolean {
    return this.#contents.get(key)?.has(hash) ?? false;
  }
}

export function hashOf(payload: Buffer): string {
  return createHash("md5").update(payload).digest("hex");
}
