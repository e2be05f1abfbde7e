/** Randomness by a seed, so that a run can be repeated. */
import { base, Faker } from "@faker-js/faker";

export interface Random {
  /** A number from 0 to below 1. */
  random(): number;
  pick<T>(list: readonly T[]): T;
}

export class SeededRandom implements Random {
  readonly faker: Faker;

  constructor(seed: number, faker = new Faker({ locale: [base], seed })) {
    this.faker = faker;
  }

  random(): number {
    return this.faker.number.float();
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T;
  }
}

export function randomSeed(): number {
  return Math.floor(Math.random() * SEED_MAX);
}

/** The generator takes 32 bits. */
export const SEED_MAX = 2 ** 32 - 1;
