/** The products' audit checks. Each statement returns the rows that break a rule. */
import type { AuditCheck } from "../../contract/domain.ts";

export const PRODUCT_CHECKS: readonly AuditCheck[] = [
  {
    name: "products_of_last_commands",
    sql: `select coalesce(last.position, product.position) as position,
                 'product ' || sku || ' does not come from the last command for its SKU' as detail
          from (select sku, max(position) as position from product_commands group by sku) as last
            full join product_products as product using (sku)
          where coalesce(last.position, product.position) > $1::bigint
            and last.position is distinct from product.position`,
  },
  {
    name: "products_equal_commands",
    sql: `select product.position, 'product ' || sku || ' differs from its command' as detail
          from product_products as product left join inbox using (position)
            cross join lateral (select convert_from(payload, 'UTF8')::json as command) as parsed
          where product.position > $1::bigint and (sku, name, price)
            is distinct from ((command ->> 'sku')::numeric, command ->> 'name', (command ->> 'price')::numeric)`,
  },
];
