-- Raised when a projection was replaced as a whole, so that every process lets go of what it holds of the old one.
alter table checkpoints add column generation bigint not null default 0 check (generation >= 0);
