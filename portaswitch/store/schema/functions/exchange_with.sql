-- `exchange` of a batch with which more has to be done in the same transaction, for its members that are applied.

-- `exchange` of a batch with messages: those of members that are applied are kept in the same transaction; `holder` has them for a lease of 45 seconds (LEASE in
-- messages.py). Two messages under one name are one.
create or replace function exchange_kept(
    members text[], account_ids bigint[], customer_ids bigint[], xdrs text[], xdr_members int[], parties text[], counter_rows text[], counter_moves text[],
    texts jsonb, holder text, spent text[] default '{}', frees text[] default '{}', presses text[] default '{}', payers int[] default '{}'
) returns table (
    pos int, verdict "char", balance numeric, held numeric, outgoing int, incoming int, locked_by text, c_balance numeric, c_held numeric, c_outgoing int,
    c_incoming int, answer text, view json)
language plpgsql as $$
begin
    return query
    with told as materialized (
        select * from exchange_waited(members, account_ids, customer_ids, xdrs, xdr_members, parties, counter_rows, counter_moves, spent, frees, presses,
            payers)
    ), kept as (
        insert into messages (i_env, i_node, key, account, sender, recipient, i_recipient, peer, content_type, body, call_id, charge, created, expires,
            next_try, locked_until, worker, attempts)
        select a.i_env, a.i_node, a.key, a.account, a.sender, a.recipient, nullif(a.i_recipient, 0), a.peer, a.content_type, decode(a.body, 'hex'), a.call_id,
               a.charge, a.created, a.expires, now() + interval '45 seconds', now() + interval '45 seconds', holder, 1
        from told t join jsonb_to_recordset(texts) a (pos int, i_env int, i_node bigint, key text, account text, sender text, recipient text,
            i_recipient bigint, peer text, content_type text, body text, call_id text, charge text, created timestamptz, expires timestamptz) on a.pos = t.pos
        where t.verdict = 'A'
        on conflict on constraint messages_key_key do nothing
    )
    select * from told;
end $$;

-- One that leaves more to sessions that wait, or has the largest holder of a counter report (reauthorize.sql).
create or replace function exchange_waited(
    members text[], account_ids bigint[], customer_ids bigint[], xdrs text[], xdr_members int[], parties text[], counter_rows text[], counter_moves text[],
    spent text[], frees text[], presses text[], payers int[] default '{}'
) returns table (
    pos int, verdict "char", balance numeric, held numeric, outgoing int, incoming int, locked_by text, c_balance numeric, c_held numeric, c_outgoing int,
    c_incoming int, answer text, view json)
language plpgsql as $$
#variable_conflict use_column
begin
    if cardinality(exchange_waited.frees) + cardinality(exchange_waited.presses) = 0 then    -- of a batch with messages or copies, say
        return query
        select * from exchange(members, account_ids, customer_ids, xdrs, xdr_members, parties, counter_rows, counter_moves, spent, payers);
        return;
    end if;
    return query
    with told as materialized (
        select * from exchange(members, account_ids, customer_ids, xdrs, xdr_members, parties, counter_rows, counter_moves, spent, payers)
    ), woken as materialized (
        select wake_waiting(exchange_waited.frees::exchange_freed[], exchange_waited.presses::exchange_pressed[], array_agg(t.verdict order by t.pos)) from told t
    )
    select t.* from told t where (select count(*) from woken) >= 0;
end $$;

-- One with copies for collectors (billing.address_copies), in whatever way else: of members that are applied they become tasks, in their order, for a day.
create or replace function exchange_copied(
    members text[], account_ids bigint[], customer_ids bigint[], xdrs text[], xdr_members int[], parties text[], counter_rows text[], counter_moves text[],
    copies jsonb, texts jsonb, holder text, spent text[], frees text[], presses text[], payers int[] default '{}'
) returns table (
    pos int, verdict "char", balance numeric, held numeric, outgoing int, incoming int, locked_by text, c_balance numeric, c_held numeric, c_outgoing int,
    c_incoming int, answer text, view json)
language plpgsql as $$
#variable_conflict use_column
begin
    return query
    with told as materialized (
        select * from exchange_kept(members, account_ids, customer_ids, xdrs, xdr_members, parties, counter_rows, counter_moves, exchange_copied.texts,
            exchange_copied.holder, exchange_copied.spent, exchange_copied.frees, exchange_copied.presses, exchange_copied.payers)
    ), copied as (
        insert into session_tasks (i_env, kind, i_node, session_key, i_account, arguments, expires)
        select a.i_env, 'copy', a.i_node, a.session_key, a.i_account, a.arguments, now() + interval '1 day'
        from told t join rows from (jsonb_to_recordset(exchange_copied.copies) as (pos int, i_env int, i_node bigint, session_key text, i_account bigint,
            arguments jsonb)) with ordinality a on a.pos = t.pos
        where t.verdict = 'A' order by a.ordinality
    )
    select t.* from told t;
end $$;
