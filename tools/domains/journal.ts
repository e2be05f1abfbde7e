/** Journal of a run: contents by key, and acknowledged keys. */
import { createHash } from "node:crypto";
import type { Published } from "./kit.ts";

export class Journal {
  /** Hashes of the published contents, by key. */
  readonly #contents = new Map<string, Set<string>>();
  readonly #acknowledged = new Set<string>();
  /** Keys acknowledged since the last check. */
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

  /** Returns the keys acknowledged since the last call. */
  takeFresh(): string[] {
    const keys = [...this.#fresh];
    this.#fresh = new Set();
    return keys;
  }

  /** @param hash from hashOf, or PostgreSQL's md5 of a payload. */
  wasPublished(key: string, hash: string): boolean {
    return this.#contents.get(key)?.has(hash) ?? false;
  }
}

export function hashOf(payload: Buffer): string {
  return createHash("md5").update(payload).digest("hex");
}
