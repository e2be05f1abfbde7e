-- Many dead letters discarded or restored as one action. The set is fixed when it begins, and this row stores its
-- progress, so that another process continues there after a crash.
create table bulk_decisions (
  id bigint generated always as identity primary key,
  action text not null check (action in ('discard', 'restore')),
  filter jsonb not null,
  author text not null,
  is_verified boolean not null default false,
  reason text not null,
  letters bigint not null check (letters > 0),
  status text not null default 'running' check (status in ('running', 'finished', 'cancelled')),
  -- The last place of the set that was decided or skipped.
  place bigint not null default 0 check (place between 0 and letters),
  decided bigint not null default 0,
  -- Letters that another action had moved before their turn.
  skipped bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (decided + skipped = place)
) with (fillfactor = 50);

create table bulk_decision_letters (
  decision_id bigint not null references bulk_decisions (id),
  place bigint not null,
  position bigint not null,
  primary key (decision_id, place)
) with (
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0
);

create trigger bulk_decision_letters_append_only before update or delete or truncate on bulk_decision_letters
  for each statement execute function refuse_change();

alter table operator_actions add column decision_id bigint references bulk_decisions (id);
alter table operator_actions
  drop constraint operator_actions_action_check,
  drop constraint operator_actions_check1,
  add constraint operator_actions_action_check check (
    action in (
      'redrive', 'discard', 'restore', 'reveal', 'bulk_redrive', 'cancel_bulk_redrive',
      'bulk_discard', 'bulk_restore', 'cancel_bulk_decision'
    )
  ),
  add constraint operator_actions_check1 check (
    (action in ('bulk_redrive', 'cancel_bulk_redrive', 'bulk_discard', 'bulk_restore', 'cancel_bulk_decision'))
      = (position is null)
  );
