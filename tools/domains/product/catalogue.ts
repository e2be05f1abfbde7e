/**
 * Generates `catalogue.json`, so that the service needs no faker library. A test compares, because published entries
 * must not change. To add products: `node tools/domains/product/catalogue.ts`.
 */
import { writeFileSync } from "node:fs";
import { faker as english } from "@faker-js/faker/locale/en";
import { seededFaker } from "../random.ts";

export type CatalogueEntry = Readonly<{ sku: number; name: string; price: number }>;

export const CATALOGUE_FILE = new URL("../../../src/domains/product/catalogue.json", import.meta.url);

export function makeCatalogue(): CatalogueEntry[] {
  const faker = seededFaker(SEED, english);
  const made = (sku: number): CatalogueEntry => ({
    sku,
    name: faker.commerce.productName(),
    price: faker.number.int({ min: 100, max: 20_000 }),
  });
  const entries = [...NAMED, ...STOCKED.map(made)];
  const skus = new Set(entries.map(({ sku }) => sku));
  while (skus.size < ENTRIES) {
    const sku = faker.number.int({ min: 2_000, max: 999_999_999 });
    if (skus.has(sku)) continue;
    skus.add(sku);
    entries.push(made(sku));
  }
  return entries;
}

export function catalogueText(): string {
  const lines = makeCatalogue().map(
    ({ sku, name, price }) => `  { "sku": ${sku}, "name": ${JSON.stringify(name)}, "price": ${price} }`,
  );
  return `[\n${lines.join(",\n")}\n]\n`;
}

const NAMED: readonly CatalogueEntry[] = [
  { sku: 773_297_411, name: "Sneakers", price: 2_202 },
  { sku: 2_958_025, name: "Record", price: 1_028 },
  { sku: 1_076_963, name: "Book", price: 3_379 },
];

/** Also in loms's stock. */
const STOCKED: readonly number[] = [1_002, 1_003, 1_004, 1_005, 1_148_162, 139_819_069, 139_818_428];

const ENTRIES = 60;
const SEED = 1;

if (import.meta.main) writeFileSync(CATALOGUE_FILE, catalogueText());
