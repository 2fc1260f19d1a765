-- What every message asks the database: functions, so that each connection plans them once. Python decides; these find, add and change rows.

-- The account that has one of some names (an alias stands for its master, closed ones for nobody), with its contacts in force: of several names the first that
-- somebody has. `n` is the place of the question, `waiting` how many messages wait for the account, counted up to `most`.
create or replace function message_callees(i_envs int[], names jsonb[], most int)
returns table (n bigint, i_account bigint, id text, waiting bigint, contact_of bigint, uri text, transport text, host text, port int, listener text, call_id text, cseq bigint,
    expires timestamptz, worker text, flow text, q smallint, edge text, user_agent text, i_contact bigint)
language plpgsql stable rows 64 as $$
begin
    return query
    with asked as (
        select a.n, a.i_env, a.names from unnest(i_envs, message_callees.names) with ordinality a (i_env, names, n)
    ), found as (
        select a.n, m.i_account, m.id from asked a cross join lateral (
            select coalesce(f.i_master_account, f.i_account) as master
            from jsonb_array_elements_text(a.names) with ordinality w (name, place) join accounts f on f.i_env = a.i_env and f.id = w.name
            order by w.place limit 1) t
        join accounts m on m.i_account = t.master and m.bill_status <> 'C'
    )
    select f.n, f.i_account, f.id, (select count(*) from (
               select from messages w where w.i_recipient = f.i_account and w.state = 'waiting' limit most) w), r.i_account, r.uri, r.transport, r.host, r.port, r.listener, r.call_id, r.cseq, r.expires, r.worker, r.flow, r.q, r.edge,
           r.user_agent, r.i_contact
    from found f left join registrations r on r.i_account = f.i_account and r.expires > now() order by f.n, r.q desc, r.i_contact;
end $$;

-- Keep messages, once for each key; the caller has them for `lease` seconds. `kept`: the row was added; `known`: it was there. Neither: too many wait for its
-- recipient. A few that come at once may pass that limit together.
create or replace function message_keep(rows jsonb, holder text, lease int) returns table (key text, kept bigint, known boolean) language plpgsql rows 64 as $$
begin
    return query
    with asked as (
        select * from jsonb_to_recordset(rows) a (i_env int, i_node bigint, key text, account text, sender text, recipient text, i_recipient bigint,
            peer text, content_type text, body text, call_id text, charge text, created timestamptz, expires timestamptz, most int)
    ), added as (
        insert into messages as t (i_env, i_node, key, account, sender, recipient, i_recipient, peer, content_type, body, call_id, charge, created, expires,
            next_try, locked_until, worker, attempts)
        select a.i_env, a.i_node, a.key, a.account, a.sender, a.recipient, nullif(a.i_recipient, 0), a.peer, a.content_type, decode(a.body, 'hex'), a.call_id,
               a.charge, a.created, a.expires, now() + make_interval(secs => lease), now() + make_interval(secs => lease), holder, 1
        from asked a
        where a.i_recipient = 0 or a.most > (select count(*) from (
            select from messages m where m.i_recipient = a.i_recipient and m.state = 'waiting' limit a.most) w)
        on conflict on constraint messages_key_key do nothing returning t.key, t.i_message
    )
    select a.key, d.i_message, exists (select from messages m where m.key = a.key) from asked a left join added d on d.key = a.key;
end $$;

-- What attempts have come to. Who waits for a recipient that is not there (delay null) is due at once where it has registered in the meantime. Rows are locked in
-- the order of their keys. Who registers at the same time is waited for (registrations_bind has the same lock to itself): else either would miss the other.
create or replace function message_settle(keys text[], states text[], charges text[], statuses int[], delays int[]) returns void language plpgsql as $$
begin
    perform from messages m where m.key = any(keys) order by m.key for no key update;
    perform pg_advisory_xact_lock_shared(5458256, l.half) from (
        select distinct (m.i_recipient % 2147483648)::int as half from unnest(keys, states, delays) f (key, state, delay) join messages m on m.key = f.key
        where f.state = 'waiting' and f.delay is null and m.i_recipient is not null order by half) l;
    update messages m set state = f.state, charge = case when m.charge = 'settled' then m.charge else f.charge end, status = f.status, locked_until = null,
        worker = '', finished = case when f.state <> 'waiting' then now() end, body = case when f.state = 'waiting' then m.body else '' end,
        next_try = case when f.state = 'waiting' then coalesce(now() + make_interval(secs => f.delay),
            (select now() from registrations r where r.i_account = m.i_recipient and r.expires > now() limit 1)) end
    from unnest(keys, states, charges, statuses, delays) f (key, state, charge, status, delay)
    where m.key = f.key and m.state = 'waiting';
end $$;
