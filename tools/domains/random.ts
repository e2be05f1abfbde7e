/** Randomness by a seed, so that a run can be repeated. */
import type { Faker } from "@faker-js/faker";
import { faker as base } from "@faker-js/faker/locale/base";

export interface Random {
  /** A number from 0 to below 1. */
  random(): number;
  pick<T>(list: readonly T[]): T;
}

export class SeededRandom implements Random {
  readonly faker: Faker;

  constructor(seed: number, faker = seededFaker(seed)) {
    this.faker = faker;
  }

  random(): number {
    return this.faker.number.float();
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T;
  }
}

/**
 * A faker of its own. The main entry of the library loads the words of seventy languages, which takes every process a
 * quarter of a second; so the class is taken from an entry of one language.
 * @param like the faker whose words it has.
 */
export function seededFaker(seed: number, like: Faker = base): Faker {
  return new (base.constructor as typeof Faker)({ locale: like.rawDefinitions, seed });
}

export function randomSeed(): number {
  return Math.floor(Math.random() * SEED_MAX);
}

/** The generator takes 32 bits. */
export const SEED_MAX = 2 ** 32 - 1;
