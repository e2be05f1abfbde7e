-- SKUs and prices have 32 bits without a sign, which no integer of PostgreSQL has.

-- One row for each command that was projected; rows are only ever added.
create table product_commands (
  position bigint primary key,
  id text collate "C" not null unique,
  sku bigint not null
);

-- What the last command for each SKU says.
create table product_products (
  sku bigint primary key check (sku between 1 and 4294967295),
  name text not null check (name <> ''),
  price bigint not null check (price between 1 and 4294967295),
  position bigint not null unique
);
