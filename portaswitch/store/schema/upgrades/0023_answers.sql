-- rolling from 11
-- An answer that is kept under a key is told again with its fields in their order, which jsonb does not keep (tables/83_operation_keys.sql).
alter table operation_keys alter column answer type json;
