-- xDRs: the 34 fields of the guide's Appendix D (spec/xdr.yaml) and what storage needs beside them. Written once, never changed by charging.
-- One table, three views (CDR_Accounts, CDR_Customers, CDR_Vendors) by `storage`; partitioned by day of bill_time.
create sequence xdr_id;
create table xdr (
    id                    bigint not null default nextval('xdr_id'),
    i_env                 int not null,
    storage               "char" not null,          -- a account, c customer (reseller), v vendor
    failed                boolean not null default false,   -- an attempt that was refused or not answered; amount 0
    h323_conf_id          text not null,            -- session_id
    call_id               text,                     -- service_session_id
    cli                   text,
    cld                   text,
    setup_time            int,                      -- post-dial delay, ms
    connect_time          timestamptz not null,
    disconnect_time       timestamptz not null,
    bill_time             timestamptz not null,
    disconnect_cause      int,
    voice_quality         int,
    used_quantity         bigint not null,
    account_id            text,
    i_account             bigint,
    i_dest                bigint,
    i_dest_group          bigint,
    i_tariff              bigint,
    i_rate                bigint,
    charged_quantity      bigint not null,
    charged_amount        numeric not null,         -- rounded once; the figure that was debited
    history               text not null,
    peak_level            smallint not null default 0,
    i_vendor              bigint,
    i_service             bigint,
    i_accessibility       bigint,
    i_customer            bigint,
    h323_incoming_conf_id text,                     -- parent_session_id
    rating_pattern        text,
    subscriber_ip         text,
    split_order           smallint not null default 0,
    billing_model         smallint,                 -- -1 debit, 1 credit
    i_invoice             bigint,
    revenue               numeric,                  -- vendor xDRs
    overrun               numeric not null default 0,   -- part of the amount beyond the grant or below the limit
    i_node                bigint                        -- the node that the use came by
) partition by range (bill_time);
create index xdr_account on xdr (i_account, bill_time);
create index xdr_customer on xdr (i_customer, bill_time);
create index xdr_session on xdr (h323_conf_id);
-- Rows come in the order of their ids: ranges of pages lead to an id, and cost an insert next to nothing.
create index xdr_ids on xdr using brin (id) with (autosummarize = on);
create table xdr_default partition of xdr default;

create view cdr_accounts as select * from xdr where storage = 'a';
create view cdr_customers as select * from xdr where storage = 'c';
create view cdr_vendors as select * from xdr where storage = 'v';
