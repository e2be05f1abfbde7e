/** As given / when / then. */
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { product } from "../../../src/domains/product/index.ts";
import { selectProduct, selectSkus } from "../../../src/domains/product/products-table.ts";
import { firstMessagesOf } from "../../../src/inbox/first-messages.ts";
import { CATALOGUE_FILE, catalogueText } from "../../../tools/domains/product/catalogue.ts";
import { createDatabase } from "../../support/database.ts";
import { appendAll, projectAll } from "../../support/engine.ts";
import { put } from "../../support/product/messages.ts";

const rules = suite("products");

rules("the last command for a SKU says what the product is", async () => {
  await using database = await createDatabase();
  await appendAll(
    database,
    [put("1", 1, "Book", 10), put("2", 2, "Pen", 3), put("3", 1, "Novel", 12)],
    product,
  );
  await projectAll(database, product);
  assert.equal(await selectProduct(database, 1), { name: "Novel", price: 12 });
  assert.equal(await selectProduct(database, 2), { name: "Pen", price: 3 });
  assert.is(await selectProduct(database, 3), undefined);

  await appendAll(database, [put("4", 2, "Pencil", 2)], product);
  await projectAll(database, product);
  assert.equal(await selectProduct(database, 2), { name: "Pencil", price: 2 });
});

rules("an id counts once: the same again is a duplicate, anything else a conflict", async () => {
  await using database = await createDatabase();
  await appendAll(database, [put("1", 1, "Book", 10), put("1", 1, "Book", 10)], product);
  await projectAll(database, product);
  await appendAll(database, [put("1", 1, "Book", 10), put("1", 2, "Book", 10)], product);
  await projectAll(database, product);
  const { domains } = await audit(database, [product], { isFull: true });
  const { projected, duplicate, dead } = domains.product as NonNullable<typeof domains.product>;
  assert.equal([projected, duplicate, dead], [1n, 2n, 1n]);
  assert.is(await selectProduct(database, 2), undefined);
});

rules("SKUs and prices have 32 bits", async () => {
  await using database = await createDatabase();
  const most = 2 ** 32 - 1;
  await appendAll(database, [put("1", most, "Book", most), put("2", most + 1, "Book", 1)], product);
  await projectAll(database, product);
  assert.equal(await selectProduct(database, most), { name: "Book", price: most });
  assert.equal(await selectSkus(database, 0, 10), [most]);
});

rules("SKUs come in ascending order, a page at a time", async () => {
  await using database = await createDatabase();
  const skus = [1_000, 3, 20, 4_000_000_000, 1];
  await appendAll(
    database,
    skus.map((sku) => put(`${sku}`, sku, "Book", 1)),
    product,
  );
  await projectAll(database, product);
  assert.equal(await selectSkus(database, 0, 2), [1, 3]);
  assert.equal(await selectSkus(database, 3, 2), [20, 1_000]);
  assert.equal(await selectSkus(database, 1_000, 2), [4_000_000_000]);
});

rules("an inbox begins with the catalogue", async () => {
  await using database = await createDatabase();
  await appendAll(database, firstMessagesOf(product), product);
  await projectAll(database, product);
  assert.equal(await selectProduct(database, 773_297_411), { name: "Sneakers", price: 2_202 });
  assert.equal(await selectProduct(database, 2_958_025), { name: "Record", price: 1_028 });
  assert.equal(await selectProduct(database, 1_076_963), { name: "Book", price: 3_379 });
  assert.is((await selectSkus(database, 0, 1_000)).length, 60);
});

rules("the committed catalogue is what its seed makes", () => {
  assert.is(readFileSync(CATALOGUE_FILE, "utf8"), catalogueText());
});

rules("the audit finds a product that no command made so", async () => {
  const changes = [
    ["products_equal_commands", "update product_products set price = 11 where sku = 1"],
    ["products_of_last_commands", "update product_products set position = 1 where sku = 1"],
    ["products_of_last_commands", "delete from product_products where sku = 2"],
  ] as const;
  for (const [check, change] of changes) {
    await using database = await createDatabase();
    const commands = [put("1", 1, "Book", 10), put("2", 1, "Book", 10), put("3", 2, "Pen", 3)];
    await appendAll(database, commands, product);
    await projectAll(database, product);
    assert.ok((await audit(database, [product], { isFull: true })).holds);
    await database.admin(change);
    const { holds, domains } = await audit(database, [product], { isFull: true });
    assert.not.ok(holds, change);
    const { checks } = domains.product as NonNullable<typeof domains.product>;
    const broken = [...checks].filter(([, { broken }]) => broken > 0n).map(([name]) => name);
    assert.ok(broken.includes(check), `${change}: ${broken.join()}`);
  }
});

rules.run();
