-- What the service's role may do with the tables of products, and nothing else.
revoke all on product_commands, product_products from :service_role;
grant select, insert on product_commands to :service_role;
grant select, insert, update on product_products to :service_role;
