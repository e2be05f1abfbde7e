-- The list of all actions leaves out the single letters of bulk decisions, too.
drop index operator_actions_listed;
create index operator_actions_listed on operator_actions (acted_at, id)
  where position is null or (bulk_id is null and decision_id is null);
