/**
 * Rendezvous hashing: each key belongs to the shard with the greatest hash of shard and key. If a shard joins n others, it
 * takes 1/(n+1) of the keys and no key moves between the others.
 * Source: Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", University of Michigan, CSE-TR-316-96.
 */
import { hash } from "node:crypto";

/** @returns the name of the shard; undefined if there is none. */
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
