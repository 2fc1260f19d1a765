-- The row types that exchange(batch) takes: one row literal a member, an xDR, a charged party.
create type exchange_member as (
    i_env int, account_id text,                 -- how to find the account where neither the session nor i_account names it
    a_no int, i_account bigint, a_revision int, -- a_no, c_no: places in account_ids and customer_ids, from 1; c_no 0: the customer's money stays
    c_no int, c_revision int,
    session_key text, relied int,               -- the version of the session that the decision was made on; 0: there is none
    key text, once boolean, writes boolean,     -- once: the key gets a row of its own; writes false: only a view is wanted
    owes smallint, debit numeric, hold numeric, need numeric,
    i_node int, i_customer bigint, held numeric, expires timestamptz, status "char", started timestamptz, updated timestamptz,
    service text, cli text, cld text, opened text, state text, answer text,
    shared boolean, counted boolean, incoming boolean,      -- the customer's money moves, its sessions are counted; the session's direction
    a_most int, a_most_way int, c_most int, c_most_way int, -- most sessions of account and customer, in all and of this direction; null: no limit
    step "char", locker text, until timestamptz,            -- the login lock: model.ledger.LockStep
    attempt text, since timestamptz,                        -- session id of a failed attempt, whose xDR is left out when it has one since then; null: none
    aside text                                  -- why a request is to be kept for an operator (one word), a blank, and its JSON
);
create type exchange_xdr as (
    i_env int, storage "char", failed boolean, h323_conf_id text, call_id text, cli text, cld text, connect_time timestamptz,
    disconnect_time timestamptz, bill_time timestamptz, disconnect_cause int, used_quantity bigint, account_id text, i_account bigint, i_dest bigint,
    i_dest_group bigint, i_tariff bigint, i_rate bigint, charged_quantity bigint, charged_amount numeric, history text, peak_level smallint,
    i_vendor bigint, i_service bigint, i_accessibility bigint, i_customer bigint, h323_incoming_conf_id text, rating_pattern text, subscriber_ip text,
    split_order smallint, billing_model smallint, setup_time int, voice_quality int, i_invoice bigint, revenue numeric, overrun numeric, i_node bigint
);
-- A counter that the batch moves, by its names (i_account null: the customer's), or a wallet by its id; counters stand before wallets. fresh: it may be new.
create type exchange_counter_row as (
    i_customer bigint, i_account bigint, i_env int, i_vd_dg bigint, peak_level smallint, i_service_wallet bigint, carried numeric,
    period_start timestamptz, period_end timestamptz, fresh boolean
);
-- What a member does to the counter or wallet at a place, and what it relied on (model.ledger.CounterMove); in the order of the members.
create type exchange_counter as (
    member int, place int, used numeric, held numeric, least numeric, most numeric, relied timestamptz, period_start timestamptz, period_end timestamptz,
    carried numeric, spent numeric, notify numeric
);
create type exchange_party as (member int, role "char", i_party bigint, amount numeric);
-- What a batch says of sessions that wait for more (billing.final_units): what a last part relied on not to have become less (place -1 the account's money, 0
-- the customer's, else that of a counter), for whom a member leaves more (i_account null: all accounts of the customer), of which counters little is left.
create type exchange_relied as (member int, place int, spent numeric);
create type exchange_freed as (member int, i_customer bigint, i_account bigint, owing boolean, besides text);
create type exchange_pressed as (member int, i_customer bigint, i_account bigint, i_vd_dg bigint, peak_level smallint, least numeric, besides text);
