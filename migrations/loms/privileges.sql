-- What the service's role may do with the tables of orders and stock, and nothing else.
revoke all on loms_commands, loms_orders, loms_items, loms_stocks, loms_changes from :service_role;
grant select, insert on loms_commands, loms_items, loms_changes to :service_role;
grant select, insert, update on loms_orders, loms_stocks to :service_role;
