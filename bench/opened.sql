-- Sessions of one octet as the server itself opens them (:template: the host of some that it has just opened, each of an account of its own): :count of them, of
-- hosts :host (%d: the connection, of :conns), with Session-Ids HOST;:second;n;:process, of the subscribers 3806 and eight digits n modulo :subs. First it is
-- looked whether what is written here for the accounts of the server's own sessions is what the server wrote, but for times: the only row is how many differ.
create temporary table template as
    select s.*, (a.balance - a.held)::text as funds from sessions s join accounts a using (i_account)
    where s.session_key like '%/' || :'template' || ';%' order by s.session_key limit 1;

-- The host of a session is that of its Session-Id. `other`: what other sessions of the account hold.
create function pg_temp.opened(t template, sid text, a accounts, other numeric) returns sessions language sql as $$
    select row(t.i_node || '/' || sid, t.version, t.i_node || '/' || sid || '/1/0',
        replace(replace(replace(t.answer, t.cli, a.id), ',' || t.i_account || ',', ',' || a.i_account || ','), t.funds, (a.balance - other - t.held)::text),
        t.i_env, t.i_node, a.i_account, a.i_customer, t.held, t.expires, t.status, t.started, t.updated, t.service, a.id, t.cld,
        replace(replace(replace(replace(t.opened, t.cli, a.id), '["a",' || t.i_account || ',', '["a",' || a.i_account || ','), split_part(t.session_key, '/', 2), sid),
            '"origin_host":"' || split_part(split_part(t.session_key, '/', 2), ';', 1) || '"', '"origin_host":"' || split_part(sid, ';', 1) || '"'),
        t.state, t.incoming, t.final, t.counted)::sessions
$$;
-- A session without its times; that of the answer is when it expires.
create function pg_temp.timeless(s sessions) returns text language sql as $$
    select row(s.session_key, s.version, s.last_key, regexp_replace(s.answer, '\d{4}-\d\d-\d\dT[0-9:.]+', 'then', 'g'), s.i_env, s.i_node, s.i_account, s.i_customer,
        s.held, s.expires - s.updated, s.status, s.service, s.cli, s.cld, s.opened, s.state, s.incoming, s.final, s.counted)::text
$$;
select count(*) from sessions s join accounts a using (i_account) cross join template t
where s.session_key like '%/' || :'template' || ';%'
  and pg_temp.timeless(pg_temp.opened(t, split_part(s.session_key, '/', 2), a, a.held - s.held)) <> pg_temp.timeless(s);

insert into sessions (session_key, version, last_key, answer, i_env, i_node, i_account, i_customer, held, expires, status, started, updated, service, cli, cld,
                      opened, state, incoming)
select (o.s).session_key, (o.s).version, (o.s).last_key, (o.s).answer, (o.s).i_env, (o.s).i_node, (o.s).i_account, (o.s).i_customer, (o.s).held, (o.s).expires,
    (o.s).status, (o.s).started, (o.s).updated, (o.s).service, (o.s).cli, (o.s).cld, (o.s).opened, (o.s).state, (o.s).incoming
from (
    select pg_temp.opened(t, replace(:'host', '%d', (n % :conns)::text) || ';' || :second || ';' || n || ';' || :process, a, a.held) as s
    from generate_series(0, :count - 1) n join accounts a on a.i_env = 1 and a.id = '3806' || lpad((n % :subs)::text, 8, '0') cross join template t
    offset 0) o;
update accounts a set held = a.held + t.held * n.count, open_outgoing = a.open_outgoing + n.count
from template t, (select n % :subs as sub, count(*) as count from generate_series(0, :count - 1) n group by 1) n
where a.i_env = 1 and a.id = '3806' || lpad(n.sub::text, 8, '0');
analyze sessions;
