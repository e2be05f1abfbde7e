-- A bulk redrive can transform its letters by steps. They are text, because jsonb would change the digits of numbers.
alter table bulk_redrives
  add column steps text,
  -- Letters that the steps do not change or cannot be applied to.
  add column left_open bigint not null default 0 check (left_open >= 0),
  -- Why it stopped, unless letters failed again.
  add column problem text;
alter table bulk_redrives drop constraint bulk_redrives_check2;
alter table bulk_redrives add constraint bulk_redrives_place_check check (redriven + skipped + left_open = place);
