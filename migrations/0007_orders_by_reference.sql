-- An order's document is the payload of its position, byte for byte, and that never changes: what stood here was a second
-- copy of every accepted byte, and half of what a projection had to write.
alter table orders drop column document;

-- Keys are compared as bytes and not by the rules of a language, and the part in which they differ comes first: an entry
-- of an index is then one comparison of memory instead of three of texts.
alter table orders alter column order_uid type text collate "C";
alter table inbox
  alter column message_id type text collate "C",
  alter column channel type text collate "C",
  alter column source type text collate "C",
  alter column domain type text collate "C",
  drop constraint inbox_message_unique,
  add constraint inbox_message_unique unique (message_id, channel, source);
