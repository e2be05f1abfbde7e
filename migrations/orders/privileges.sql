-- What the service's role may do with the tables of the orders domain, and nothing else.
revoke all on orders from :service_role;
grant select, insert on orders to :service_role;
