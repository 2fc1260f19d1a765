-- Change the contacts of some accounts, each once in `asked`: where its contacts in force are still the `known` ones (their numbers in ascending order), those that
-- are not `kept` go and the `added` ones come. Each account is told with what is in force then: `done` that it was changed, `waiting` that messages wait for it. Python
-- decides on what it remembers; who remembered wrongly hears the truth and decides again. `writer` is not told of its own changes by NOTIFY.
create or replace function registrations_bind(asked jsonb, writer text)
returns table (n int, done boolean, waiting boolean, i_account bigint, uri text, transport text, host text, port int, listener text, call_id text, cseq bigint,
    expires timestamptz, worker text, flow text, q smallint, edge text, user_agent text, i_contact bigint)
language plpgsql rows 64 as $$
declare
    fresh int[];
    told text;
begin
    -- One change of an account's contacts at a time, in the order of their locks; the first half, "SIP", keeps clear of others' locks.
    perform pg_advisory_xact_lock(5458256, l.half)
    from (select distinct (a.i_account % 2147483648)::int as half from jsonb_to_recordset(asked) a (i_account bigint) order by half) l;
    select coalesce(array_agg(a.n), '{}'), string_agg(a.i_account::text, ',') filter (where cardinality(a.known) <> cardinality(a.kept) or a.added <> '[]') into fresh, told
    from jsonb_to_recordset(asked) a (n int, i_account bigint, known bigint[], kept bigint[], added jsonb)
    where a.known = array(select r.i_contact from registrations r where r.i_account = a.i_account and r.expires > now() order by r.i_contact);
    delete from registrations r using jsonb_to_recordset(asked) a (n int, i_account bigint, kept bigint[])
    where a.n = any(fresh) and r.i_account = a.i_account and r.i_contact <> all(a.kept);
    insert into registrations (i_account, uri, transport, host, port, listener, call_id, cseq, expires, worker, flow, q, edge, user_agent)
    select a.i_account, c.uri, c.transport, c.host, c.port, c.listener, c.call_id, c.cseq, c.expires, c.worker, c.flow, c.q, c.edge, c.user_agent
    from jsonb_to_recordset(asked) a (n int, i_account bigint, added jsonb) cross join lateral jsonb_to_recordset(a.added) c (place int, uri text,
        transport text, host text, port int, listener text, call_id text, cseq bigint, expires timestamptz, worker text, flow text, q smallint, edge text, user_agent text)
    where a.n = any(fresh) order by a.n, c.place;
    if told is not null then
        perform pg_notify('contacts', writer || ' ' || told);
    end if;
    return query
    select a.n, a.n = any(fresh), exists (select from messages m where m.i_recipient = a.i_account and m.state = 'waiting'
               and (m.locked_until is null or m.locked_until <= now())),
           r.i_account, r.uri, r.transport, r.host, r.port, r.listener, r.call_id, r.cseq, r.expires, r.worker, r.flow, r.q, r.edge, r.user_agent, r.i_contact
    from jsonb_to_recordset(asked) a (n int, i_account bigint) left join registrations r on r.i_account = a.i_account and r.expires > now()
    order by a.n, r.q desc, r.i_contact;
end $$;
