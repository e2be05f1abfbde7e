import type { TestDatabase } from "./database.ts";

/** Makes the database fail with an environment fault when an order with such an id is stored. */
export async function failFor(database: TestDatabase, pattern: string, sqlState: string): Promise<void> {
  await database.admin(`
    create or replace function fail() returns trigger language plpgsql as $$
    begin
      if new.order_uid like '${pattern}' then raise exception 'a fault' using errcode = '${sqlState}'; end if;
      return new;
    end $$;
    create or replace trigger fail before insert on orders for each row execute function fail()`);
}
