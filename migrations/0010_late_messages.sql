-- An audit looks for messages that came after its last proof and lie below it. The index holds two times for each
-- range of pages, so it costs an append next to nothing.
create index inbox_received_at on inbox using brin (received_at);
