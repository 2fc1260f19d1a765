-- rolling from 9
-- First and last use of accounts are written by a job that follows the xDRs (store/usage_dates.py); it begins with the oldest one.
create table xdr_readers (
    name text primary key, last_id bigint not null default 0, safe_id bigint not null default 0, safe_at timestamptz not null default 'epoch'
);
insert into xdr_readers (name) values ('usage');
-- PINs of voice_authentication are sealed like passwords. Those that stand here in the clear, which nothing reads yet, have to be set again.
alter table service_attribute_values add column sealed bytea;
update service_attribute_values set value = '{}' where i_attribute = 8;
