/** Random numbers from a seed, so that a failed test can be repeated. */
import { seededFaker } from "../../tools/domains/random.ts";

/** @returns numbers from 0 to below 1. */
export function randomOf(seed: number): () => number {
  const faker = seededFaker(seed);
  return () => faker.number.float({ min: 0, max: 1 });
}
