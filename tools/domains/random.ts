/** Seeded, so that runs can be repeated. */
import type { Faker } from "@faker-js/faker";
import { faker as base } from "@faker-js/faker/locale/base";

export interface Random {
  /** In [0, 1). */
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
 * Takes the class from a single-language entry: the main entry loads seventy languages in a quarter of a second.
 * @param like source of the words.
 */
export function seededFaker(seed: number, like: Faker = base): Faker {
  return new (base.constructor as typeof Faker)({ locale: like.rawDefinitions, seed });
}

export function randomSeed(): number {
  return Math.floor(Math.random() * SEED_MAX);
}

/** 32 bits. */
export const SEED_MAX = 2 ** 32 - 1;
