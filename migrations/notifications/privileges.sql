-- What the service's role may do with the table of notifications, and nothing else.
revoke all on notifications_changes from :service_role;
grant select, insert on notifications_changes to :service_role;
