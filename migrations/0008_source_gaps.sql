-- What a broker threw away before it was delivered, where its numbers alone do not say so: Kafka's offsets have holes
-- that mean nothing. A source writes it down before it reads on, because afterwards nobody could tell any more.
create table source_gaps (
  domain text collate "C" not null,
  source text collate "C" not null,
  channel text collate "C" not null,
  -- Whose numbers these are, where a channel has several series of them: of which topic and partition.
  series text collate "C" not null,
  first_number bigint not null,
  last_number bigint not null check (last_number >= first_number),
  noticed_at timestamptz not null default now(),
  -- Several processes may notice the same.
  primary key (domain, source, channel, series, first_number, last_number)
);

create trigger source_gaps_append_only before update or delete or truncate on source_gaps
  for each statement execute function refuse_change();
