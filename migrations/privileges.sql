-- What the service's own role may do, and nothing else. It is applied by every `migrate`, after the numbered
-- migrations, with the role's name in place of :service_role.
grant usage on schema public to :service_role;
grant select, insert on inbox to :service_role;
grant select on sequence inbox_position_seq to :service_role;
grant select, insert, update on checkpoints to :service_role;
grant select, insert on duplicates, dead_letters, orders to :service_role;
grant update (state) on dead_letters to :service_role;
grant select, insert, update on dead_letter_groups, dead_letter_hours to :service_role;
grant select, insert on operator_actions, bulk_redrive_letters, proofs, source_gaps to :service_role;
grant select, insert, update on bulk_redrives to :service_role;
grant select, insert on outbox to :service_role;
grant select on migrations to :service_role;

-- pg-boss creates, fetches, completes and removes jobs; its tables are made and altered by `migrate` alone.
grant usage on schema pgboss to :service_role;
grant select, insert, update, delete on all tables in schema pgboss to :service_role;
grant usage, select on all sequences in schema pgboss to :service_role;
grant execute on all functions in schema pgboss to :service_role;
