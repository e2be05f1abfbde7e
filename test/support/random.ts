/** Randomness by a seed, so that a failed test can be repeated. */
import { base, Faker } from "@faker-js/faker";

/** @returns numbers from 0 to below 1. */
export function randomOf(seed: number): () => number {
  const faker = new Faker({ locale: [base], seed });
  return () => faker.number.float({ min: 0, max: 1 });
}
