-- rolling from 23
-- Copies of a node's accounting for a collector. Older servers copy nothing, and claim no task of the new kind.
alter table nodes add column i_accounting_copy bigint references nodes;
alter table session_tasks drop constraint session_tasks_kind_check;
alter table session_tasks add constraint session_tasks_kind_check check (kind in ('coa', 'pod', 'rar', 'asr', 'message', 'copy'));
