-- What the service's role may do with the tables of carts, and nothing else.
revoke all on cart_commands, cart_items, cart_checkouts, cart_checkout_items from :service_role;
grant select, insert on cart_commands, cart_checkout_items to :service_role;
grant select, insert, update on cart_checkouts to :service_role;
grant select, insert, update, delete on cart_items to :service_role;
