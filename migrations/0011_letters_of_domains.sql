-- Groups of two domains can have the same fingerprint, so an action names the domain of its group too.
alter table operator_actions add column domain text;
alter table operator_actions disable trigger operator_actions_append_only;
update operator_actions set domain = inbox.domain
from inbox where inbox.position = operator_actions.position and operator_actions.fingerprint is not null;
alter table operator_actions enable trigger operator_actions_append_only;
alter table operator_actions add check ((domain is null) = (fingerprint is null));
drop index operator_actions_redriven;
create index operator_actions_redriven on operator_actions (domain, fingerprint, acted_at) where action = 'redrive';

drop index dead_letters_group;
create index dead_letters_group on dead_letters (domain, fingerprint, channel, state, received_at, position);

-- A conflict names its positions as data. They stood in the text before.
update dead_letters set errors = (
  select jsonb_agg(
    case when problem ->> 'rule' = 'first_write_wins'
         then problem || jsonb_build_object(
           'expected', 'the content of the first message with this key',
           'received', 'other content',
           'positions', jsonb_build_object('expected', original_position::text, 'received', position::text)
         )
         else problem end
    order by place
  )
  from jsonb_array_elements(errors) with ordinality as problems (problem, place)
)
where code = 'conflict';
