-- What audits proved, newest last. Positions up to `position` had exactly one outcome each, in these numbers; the next
-- audit begins there. It counts for the projection that it was made of: after a rebuild, another generation, all of it
-- is proved anew. The rows are also the history of how the service has grown.
create table proofs (
  id bigint generated always as identity primary key,
  domain text not null,
  generation bigint not null,
  position bigint not null check (position >= 0),
  projected bigint not null check (projected >= 0),
  duplicate bigint not null check (duplicate >= 0),
  dead bigint not null check (dead >= 0),
  -- Positions that broke conservation; where there are any, nothing is proved and the next audit reads everything.
  broken bigint not null check (broken >= 0),
  is_full boolean not null,
  -- How far the numbers of brokers were looked at, the last one of each channel, and which are missing.
  numbered_position bigint not null,
  numbering jsonb not null,
  -- What all tables took.
  bytes bigint not null,
  audited_at timestamptz not null default now()
);
create index proofs_domain on proofs (domain, id);

create trigger proofs_append_only before update or delete or truncate on proofs
  for each statement execute function refuse_change();

-- Rows that are only ever inserted leave nothing to clean up: vacuum has to mark their pages as visible, for scans that
-- need only an index, and to freeze them, once. A share of the table as threshold would let that work grow with it
-- until one run takes hours; a fixed number of rows keeps each run as small as the first. Frozen at that first visit, a
-- page is never visited again, so the wrap-around of transaction ids does not lead to one great vacuum of everything.
-- They are filled to the brim (the default), since nothing in a page ever grows.
alter table inbox set (
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0
);
alter table orders set (
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0
);
alter table duplicates set (
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0
);
alter table operator_actions set (
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0
);
alter table bulk_redrive_letters set (
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0
);

-- A dead letter's state changes a few times in its life, and the state is in both indexes: every change leaves a dead
-- row and dead index entries, which many redrives at once make many. A fixed number again, and some room in each page.
alter table dead_letters set (
  fillfactor = 90,
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000
);

-- Few rows, each updated with every batch, in columns that no index holds: with half of a page left empty the new
-- version lies beside the old one, which the next update removes. No index grows, and vacuum has little to do, but soon.
alter table checkpoints set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
alter table dead_letter_groups set (
  fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000
);
alter table dead_letter_hours set (
  fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000
);
alter table bulk_redrives set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
