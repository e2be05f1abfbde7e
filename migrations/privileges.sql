-- What the service's own role may do with the engine's tables, and nothing else. Every `migrate` applies it after the
-- numbered migrations, with the role's name in place of :service_role; after it, the privileges of each domain's tables.
-- What an earlier version granted and this one does not is revoked.
grant usage on schema public to :service_role;
do $$ begin
  -- Without temporary tables the role can fill the disk with nothing but what the service stores.
  execute format('revoke temporary on database %I from public', current_database());
end $$;

revoke all on inbox, checkpoints, duplicates, dead_letters, dead_letter_groups, dead_letter_hours, operator_actions,
  bulk_redrives, bulk_redrive_letters, bulk_decisions, bulk_decision_letters, sessions, proofs, source_gaps, outbox,
  outbox_checkpoints, outbox_refusals,
  outbox_actions, paused_sources, source_actions, notify_alerts, rate_limits, migrations
  from :service_role;
grant select on inbox, checkpoints, duplicates, dead_letters, dead_letter_groups, dead_letter_hours, operator_actions,
  bulk_redrives, bulk_redrive_letters, bulk_decisions, bulk_decision_letters, proofs, source_gaps, outbox, outbox_checkpoints, outbox_refusals, outbox_actions,
  paused_sources, source_actions, notify_alerts, rate_limits, migrations to :service_role;

grant select on sequence inbox_position_seq to :service_role;

-- Positions and times are given by the database alone: their columns are not among those that the role may write.
grant insert (domain, source, channel, message_id, payload, headers, traceparent, published_at, redrive_of)
  on inbox to :service_role;
grant insert (action, position, bulk_id, decision_id, domain, fingerprint, state, redrive_position, is_edited, author,
  reason, is_verified)
  on operator_actions to :service_role;
grant insert (
  domain, generation, position, projected, duplicate, dead, broken, is_full, numbered_position, numbering, bytes
) on proofs to :service_role;
grant insert (domain, source, channel, series, first_number, last_number) on source_gaps to :service_role;
grant insert (domain, position, ordinal, topic, key, payload, headers) on outbox to :service_role;

-- What the relay of the outbox does. Events that were sent are removed.
grant delete on outbox to :service_role;
grant insert (domain) on outbox_checkpoints to :service_role;
grant update (position, ordinal, epoch, turn_until, updated_at) on outbox_checkpoints to :service_role;
grant insert (domain, position, ordinal, topic, key, reason) on outbox_refusals to :service_role;
grant update (state) on outbox_refusals to :service_role;
grant delete on outbox_refusals to :service_role;
grant insert (domain, position, ordinal, action, refusal, author, reason, is_verified) on outbox_actions to :service_role;

-- What a projection writes.
grant insert (domain) on checkpoints to :service_role;
grant update (position, projected, duplicate, dead, updated_at) on checkpoints to :service_role;
grant insert on duplicates, dead_letters to :service_role;
grant insert, update on dead_letter_groups, dead_letter_hours to :service_role;

-- What operators do.
grant update (state) on dead_letters to :service_role;
grant insert (domain, filter, author, reason, failures_max, letters, is_verified, steps) on bulk_redrives to :service_role;
grant update (
  status, place, redriven, skipped, left_open, problem, last_position, settled_position, projected, duplicate, dead, updated_at
) on bulk_redrives to :service_role;
grant insert on bulk_redrive_letters to :service_role;
grant insert (action, filter, author, reason, letters, is_verified) on bulk_decisions to :service_role;
grant update (status, place, decided, skipped, updated_at) on bulk_decisions to :service_role;
grant insert on bulk_decision_letters to :service_role;
grant select, insert, delete on sessions to :service_role;
grant insert (domain, source, author, is_verified, reason), delete on paused_sources to :service_role;
grant insert (action, domain, source, author, is_verified, reason) on source_actions to :service_role;

grant insert (key, alert), delete on notify_alerts to :service_role;
grant update (alert, seen_at, ended_at, settled, settled_at, attempts, next_attempt_at) on notify_alerts to :service_role;

-- What calls to other services do.
grant insert (name, next_at), update (next_at) on rate_limits to :service_role;

-- pg-boss creates, fetches, completes and removes jobs, and counts them. Its tables, its queues and the row with the
-- version of its schema are made and altered by `migrate` alone: without that row no process would start.
grant usage on schema pgboss to :service_role;
grant select, insert, update, delete on all tables in schema pgboss to :service_role;
revoke insert, update, delete on pgboss.version, pgboss.queue, pgboss.schedule, pgboss.subscription, pgboss.bam
  from :service_role;
grant update (cron_on, bam_on, flow_on, reindex_on, monitor_backoff_on) on pgboss.version to :service_role;
grant update on pgboss.queue, pgboss.bam to :service_role;
grant usage, select on all sequences in schema pgboss to :service_role;
grant execute on all functions in schema pgboss to :service_role;
