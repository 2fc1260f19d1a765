-- Events of customers, invoices, payment_transactions.
-- Written by store/event_triggers.py from event_sources.yaml, not by hand.
-- `hashjoin` is on while events are made, because the money path's connections switch it off, and transition tables have no index to join the rows before and
-- after by. As a setting of the function it would cost each charge that nobody wants to hear of.

create or replace function customers_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'customers insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Customer/New', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_customer, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'customers update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_customer = o.i_customer cross join lateral (
                    select 0, 'Customer/Name/Changed', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'prev_name', o.name, 'curr_name', n.name)
                        where o.name <> n.name
                    union all select 1, 'Customer/Blocked', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer)
                        where n.blocked and not o.blocked
                    union all select 2, 'Customer/Unblocked', 'customer:' || n.i_customer, null, 0, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer)
                        where o.blocked and not n.blocked
                    union all select 3, 'Customer/BalanceChanged', 'customer:' || n.i_customer, null, case when n.balance < o.balance then 0 else 1 end,
                        n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'prev_balance', o.balance, 'curr_balance', n.balance)
                        where o.balance <> n.balance
                    union all select 4, 'Customer/AvailableFundsAppear', 'customer:' || n.i_customer, null, 0, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer)
                        where coalesce(o.balance >= case when o.temp_credit_until > now() then o.temp_credit_limit else o.credit_limit end, false) and not
                            coalesce(n.balance >= case when n.temp_credit_until > now() then n.temp_credit_limit else n.credit_limit end, false)
                    union all select 5, 'Customer/ZeroAvailableFunds', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer)
                        where coalesce(n.balance >= case when n.temp_credit_until > now() then n.temp_credit_limit else n.credit_limit end, false) and not
                            coalesce(o.balance >= case when o.temp_credit_until > now() then o.temp_credit_limit else o.credit_limit end, false)
                    union all select 6, 'Customer/ServiceFlags/Changed', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'prev_service_flags', o.service_flags)
                        where o.service_flags <> n.service_flags
                    union all select 7, 'Customer/Status/Activated', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer)
                        where o.bill_status = 'D' and n.bill_status = 'O'
                    union all select 8, 'Customer/Status/Changed', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'prev_status', o.bill_status, 'new_status', n.bill_status)
                        where o.bill_status <> n.bill_status
                    union all select 9, 'Customer/Status/Closed', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer)
                        where o.bill_status <> 'C' and n.bill_status = 'C'
                    union all select 10, 'Customer/Status/Deactivated', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer)
                        where o.bill_status = 'O' and n.bill_status = 'D'
                    union all select 11, 'Customer/Status/Exported', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'prev_status', o.bill_status)
                        where o.bill_status <> 'E' and n.bill_status = 'E'
                    union all select 12, 'Customer/Status/Imported', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'new_status', n.bill_status)
                        where o.bill_status = 'E' and n.bill_status = 'O'
                    union all select 13, 'Customer/Status/Suspend', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer)
                        where o.bill_status <> 'S' and n.bill_status = 'S'
                    union all select 14, 'Customer/Status/Unsuspend', 'customer:' || n.i_customer, null, 0, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer)
                        where o.bill_status = 'S' and n.bill_status = 'O'
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_customer, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger customers_events_insert after insert on customers
    referencing new table as new_rows for each statement execute function customers_events();
create or replace trigger customers_events_update after update on customers
    referencing old table as old_rows new table as new_rows for each statement execute function customers_events();

create or replace function invoices_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'invoices insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Invoice/New', 'invoice:' || n.i_invoice, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'invoice_number', n.invoice_number, 'amount_net', n.amount_net,
                            'i_invoice_type', n.i_invoice_type, 'i_invoice_status', n.i_invoice_status)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_invoice, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'invoices update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_invoice = o.i_invoice cross join lateral (
                    select 0, 'Invoice/Adjustment/Changed', 'invoice:' || n.i_invoice, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'invoice_number', n.invoice_number, 'amount_net', n.amount_net,
                            'i_invoice_type', n.i_invoice_type, 'i_invoice_status', n.i_invoice_status, 'adjustments', n.adjustments,
                            'prev_adjustments', o.adjustments)
                        where o.adjustments <> n.adjustments
                    union all select 1, 'Invoice/AmountPaid/Changed', 'invoice:' || n.i_invoice, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'invoice_number', n.invoice_number, 'amount_net', n.amount_net,
                            'i_invoice_type', n.i_invoice_type, 'i_invoice_status', n.i_invoice_status, 'amount_paid', n.amount_paid,
                            'prev_amount_paid', o.amount_paid)
                        where o.amount_paid <> n.amount_paid
                    union all select 2, 'Invoice/Status/Changed', 'invoice:' || n.i_invoice, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'invoice_number', n.invoice_number, 'amount_net', n.amount_net,
                            'i_invoice_type', n.i_invoice_type, 'prev_i_invoice_status', o.i_invoice_status,
                            'i_invoice_status', n.i_invoice_status)
                        where o.i_invoice_status <> n.i_invoice_status
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_invoice, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger invoices_events_insert after insert on invoices
    referencing new table as new_rows for each statement execute function invoices_events();
create or replace trigger invoices_events_update after update on invoices
    referencing old table as old_rows new table as new_rows for each statement execute function invoices_events();

create or replace function payment_transactions_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'payment_transactions insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'PaymentTransaction/New', 'payment_transaction:' || n.i_payment_transaction, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_payment_transaction', n.i_payment_transaction, 'test_mode', n.test_mode, 'status', n.status,
                            'amount', n.amount, 'iso_4217', n.iso_4217)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_payment_transaction, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'payment_transactions update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_payment_transaction = o.i_payment_transaction cross join lateral (
                    select 0, 'PaymentTransaction/ResultCode/Changed', 'payment_transaction:' || n.i_payment_transaction, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_payment_transaction', n.i_payment_transaction, 'test_mode', n.test_mode, 'status', n.status,
                            'amount', n.amount, 'iso_4217', n.iso_4217, 'result_code', n.result_code, 'prev_result_code', o.result_code)
                        where o.result_code is distinct from n.result_code
                    union all select 1, 'PaymentTransaction/Status/Changed', 'payment_transaction:' || n.i_payment_transaction, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_payment_transaction', n.i_payment_transaction, 'test_mode', n.test_mode,
                            'prev_status', o.status, 'status', n.status, 'amount', n.amount, 'iso_4217', n.iso_4217)
                        where o.status <> n.status
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_payment_transaction, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger payment_transactions_events_insert after insert on payment_transactions
    referencing new table as new_rows for each statement execute function payment_transactions_events();
create or replace trigger payment_transactions_events_update after update on payment_transactions
    referencing old table as old_rows new table as new_rows for each statement execute function payment_transactions_events();
