-- Finds the messages of a trace. An index of all trace ids would cost each append a random page of a tree (a third of the
-- CPU of the insert, measured with a million rows); this one keeps a Bloom filter for each 32 pages, which vacuum makes,
-- so an append writes nothing to it. A search reads the filters, the pages that they name, and what vacuum has not seen
-- yet: at most some hundred thousand of the newest messages. Messages without a trace are not in it.
create index inbox_trace on inbox
  using brin (substr(traceparent, 4, 32) text_bloom_ops (false_positive_rate = 0.001))
  with (pages_per_range = 32)
  where traceparent is not null;
