/**
 * Rendezvous hashing: a key belongs to the shard with the greatest hash of shard and key. A shard that joins n others
 * takes 1/(n+1) of the keys; no key moves between the others.
 * Source: Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", University of Michigan, CSE-TR-316-96.
 */
import { hash } from "node:crypto";

/** @returns undefined without shards. */
export function shardOf(key: string, shards: Iterable<string>): string | undefined {
  let chosen: string | undefined;
  let greatest = "";
  for (const shard of shards) {
    const weight = hash("sha256", `${shard} ${key}`);
    if (chosen !== undefined && weight < greatest) continue;
    chosen = shard;
    greatest = weight;
  }
  return chosen;
}
