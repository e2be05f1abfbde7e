-- Run by every `migrate`, after the numbered migrations. A restore of the data alone and an upgrade by logical
-- replication leave the sequence of the inbox behind its rows. Positions below the checkpoint would never be projected,
-- so the service takes nothing in until the sequence is right.
do $$
begin
  if (select last_value + is_called::int from inbox_position_seq) <= (select coalesce(max(position), 0) from inbox) then
    -- No append may take a position between the look at the inbox and the change of the sequence.
    lock table inbox in share row exclusive mode;
    perform setval('inbox_position_seq', greatest(last_value, (select max(position) from inbox))) from inbox_position_seq;
  end if;
end
$$;
