-- exchange(batch): the one SQL function of the hot path. It knows rows, the conditions a decision relied on, uniqueness; no tariff, status or reason word
-- (DESIGN.md 3.0). It works on sets: one read and one lock per table, a decision per member in memory, one write per table (SPIKE_FACTS 1).
--
-- Verdicts: A applied, R repeated (its answer), S stale (a fresh view), N short (fresh funds): of money, of places for sessions, or of the login lock.
-- `payers`: of each member the place of the account whose money, and whose counters, it moves; null: its own.
-- The first argument and xdrs, parties are arrays of row literals, which is the cheapest way in through a client-side driver: one cast for all.

create or replace function exchange(
    members text[], account_ids bigint[], customer_ids bigint[], xdrs text[], xdr_members int[], parties text[],
    counter_rows text[] default '{}', counter_moves text[] default '{}', spent text[] default '{}', payers int[] default '{}'
) returns table (
    pos int, verdict "char", balance numeric, held numeric, outgoing int, incoming int, locked_by text, c_balance numeric, c_held numeric, c_outgoing int,
    c_incoming int, answer text, view json)
language plpgsql as $$
#variable_conflict use_column
declare
    ms          exchange_member[] := members::exchange_member[];
    n           int := cardinality(members);
    m           exchange_member;
    a_balance   numeric[]; a_held numeric[]; a_limit numeric[]; a_rev int[]; a_out int[]; a_in int[]; a_lock text[]; a_until timestamptz[];
    b_balance   numeric[]; b_held numeric[]; b_limit numeric[]; b_rev int[]; b_out int[]; b_in int[];
    missing     int[]; z record;                  -- places of members whose session is not open
    s_version   int[]; s_key text[]; s_answer text[]; s_closed boolean[] := array_fill(false, array[n]); s_owner bigint[]; c_rev int[];
    v           "char"[] := array_fill('S'::"char", array[n]);
    answers     text[] := array_fill(null::text, array[n]);
    any_once boolean := false; any_late boolean := false; any_closed boolean := false; any_next boolean := false; any_new boolean := false;
    any_money boolean := false; any_aside boolean := false; any_places boolean := false; any_lock boolean := false;
    any_short boolean := false; any_read boolean := false; any_write boolean := false;
    p int; places int;  -- the payer's place; 1 for a session that opens, -1 for one that ends
    me text; fits boolean; told int[] := '{}';  -- members whose attempt has its xDR already
    cs          exchange_counter_row[] := counter_rows::exchange_counter_row[];
    ks          exchange_counter[] := counter_moves::exchange_counter[];
    k_ids       bigint[]; k_used numeric[]; k_held numeric[]; k_start timestamptz[];    -- of wallets: -id, -balance, held, null
    k_from      int; k_to int := 0;
    k           exchange_counter; rs exchange_relied[] := spent::exchange_relied[];
begin
    -- 1. Lock: accounts, then customers, each by ascending id (DESIGN.md 3.7). The caller sends the ids sorted and each member's place in them.
    if cardinality(account_ids) > 0 then
        select array_agg(l.balance), array_agg(l.held), array_agg(l.credit_limit), array_agg(l.revision), array_agg(l.open_outgoing),
               array_agg(l.open_incoming), array_agg(case when l.locked_until > now() then l.locked_by end), array_agg(l.locked_until)
        into a_balance, a_held, a_limit, a_rev, a_out, a_in, a_lock, a_until
        from (select a.balance, a.held, a.credit_limit, a.revision, a.open_outgoing, a.open_incoming, a.locked_by, a.locked_until from accounts a
              where a.i_account = any (account_ids) order by a.i_account for no key update) l;
        if cardinality(a_balance) is distinct from cardinality(account_ids) then
            raise exception 'exchange: an account of the batch does not exist';
        end if;
    end if;
    if cardinality(customer_ids) > 0 then
        select array_agg(l.balance), array_agg(l.held), array_agg(l.credit_limit), array_agg(l.revision), array_agg(l.open_outgoing),
               array_agg(l.open_incoming)
        into b_balance, b_held, b_limit, b_rev, b_out, b_in
        from (select c.balance, c.held, c.revision, c.open_outgoing, c.open_incoming,
                     case when c.temp_credit_until > now() then c.temp_credit_limit else c.credit_limit end as credit_limit
              from customers c where c.i_customer = any (customer_ids) order by c.i_customer for no key update) l;
        if cardinality(b_balance) is distinct from cardinality(customer_ids) then
            raise exception 'exchange: a customer of the batch does not exist';
        end if;
    end if;
    if cardinality(cs) > 0 then
        select c.* into k_ids, k_used, k_held, k_start from exchange_counters(cs) c;
    end if;

    -- 2. Read the sessions as they are under the locks. A session and a key belong to one account, so its lock makes look-up-then-insert safe.
    select array_agg(coalesce(s.version, 0) order by u.ordinality), array_agg(s.last_key order by u.ordinality), array_agg(s.answer order by u.ordinality),
           array_agg(s.i_account order by u.ordinality), array_agg(c.revision order by u.ordinality),
           array_agg(u.ordinality::int order by u.ordinality) filter (where u.writes and s.session_key is null and u.session_key <> '')
    into s_version, s_key, s_answer, s_owner, c_rev, missing
    from unnest(ms) with ordinality u
    left join sessions s on s.session_key = u.session_key and u.writes
    left join customers c on u.writes and u.c_no = 0 and c.i_customer = u.i_customer;
    if missing is not null then    -- those that are not open may have been closed
        for z in
            select w.place, h.version, h.last_key, h.answer, h.i_account
            from unnest(missing) w (place),
                 lateral (select h.version, h.last_key, h.answer, h.i_account from sessions_closed h
                          where h.session_key = ms[w.place].session_key order by h.version desc limit 1) h
        loop
            s_version[z.place] := z.version;
            s_key[z.place] := z.last_key;
            s_answer[z.place] := z.answer;
            s_closed[z.place] := true;
            s_owner[z.place] := z.i_account;
        end loop;
    end if;

    -- 3. Decide, member after member, in memory.
    for i in 1 .. n loop
        m := ms[i];
        p := coalesce(payers[i], m.a_no);
        k_from := k_to + 1;
        while ks[k_to + 1].member = i loop
            k_to := k_to + 1;
        end loop;
        any_read := any_read or not m.writes;
        any_write := any_write or m.writes;
        continue when not m.writes and not m.once;
        if m.once then
            any_once := any_once or m.writes;
            answers[i] := (select k.answer from request_keys k where k.key = m.key);
            if answers[i] is not null then
                v[i] := 'R';
                continue;
            end if;
            continue when not m.writes;
        elsif s_key[i] = m.key then
            v[i] := 'R';
            answers[i] := s_answer[i];
            continue;
        elsif s_version[i] <> m.relied or s_owner[i] <> m.i_account then    -- a session belongs to the account it began with
            continue;
        end if;
        continue when a_rev[m.a_no] + (case when p <> m.a_no then a_rev[p] else 0 end) <> m.a_revision
            or m.c_revision <> (case when m.c_no > 0 then b_rev[m.c_no] else c_rev[i] end);
        fits := true;
        for j in k_from .. k_to loop    -- what the prices relied on: the period, and that the use stays in the same steps
            k := ks[j];
            fits := fits and k_start[k.place] is not distinct from k.relied
                and (k.period_start is distinct from k.relied or k_used[k.place] >= k.least)
                and (case when k.period_start is distinct from k.relied then 0 else k_used[k.place] end) + k_held[k.place] <= k.most;
        end loop;
        continue when not fits or (cardinality(rs) > 0 and
            more_left(rs, i, m.owes * a_balance[p] + a_held[p], b_balance[m.c_no] + b_held[m.c_no], k_used, k_held));
        if m.need is not null and (
            (case when m.owes < 0 then a_balance[p] else a_limit[p] - a_balance[p] end) - a_held[p] < m.need
            or (m.shared and m.c_no > 0 and b_limit[m.c_no] - b_balance[m.c_no] - b_held[m.c_no] < m.need)
        ) then
            v[i] := 'N';
            continue;
        end if;
        places := case when m.status is null then 0 when m.status = 'o' then (m.relied = 0)::int else -(m.relied > 0 and not s_closed[i])::int end;
        me := coalesce(m.locker, m.session_key);
        if (places > 0 and (
                a_out[m.a_no] + a_in[m.a_no] >= m.a_most or (case when m.incoming then a_in[m.a_no] else a_out[m.a_no] end) >= m.a_most_way
                or b_out[m.c_no] + b_in[m.c_no] >= m.c_most or (case when m.incoming then b_in[m.c_no] else b_out[m.c_no] end) >= m.c_most_way))
            or (m.step in ('k', 's', 'l') and a_lock[m.a_no] <> me)
        then
            v[i] := 'N';
            continue;
        end if;
        if m.attempt is not null then    -- a condition of its own: an expression with a query in it is run as one, whatever stands before it
            if exists (select from xdr x where x.h323_conf_id = m.attempt and x.i_account = m.i_account and x.bill_time > m.since) then
                if m.status is null then
                    v[i] := 'R';
                    answers[i] := '';
                    continue;
                end if;
                told := told || i;
            end if;
        end if;
        v[i] := 'A';
        any_late := any_late or (s_closed[i] and m.status is not null);
        any_aside := any_aside or m.aside is not null;
        if m.status <> 'o' then
            any_closed := any_closed or m.relied > 0;
            any_short := any_short or m.relied = 0;
        elsif m.relied > 0 then
            any_next := true;
        elsif m.status = 'o' then
            any_new := true;
        end if;
        for j in k_from .. k_to loop
            k := ks[j];
            k_used[k.place] := case when k.period_start is distinct from k.relied then 0 else k_used[k.place] end + k.used;
            k_held[k.place] := k_held[k.place] + k.held;
            k_start[k.place] := k.period_start;
        end loop;
        if places <> 0 then
            any_places := true;
            if m.incoming then
                a_in[m.a_no] := a_in[m.a_no] + places;
                if m.counted then b_in[m.c_no] := b_in[m.c_no] + places; end if;
            else
                a_out[m.a_no] := a_out[m.a_no] + places;
                if m.counted then b_out[m.c_no] := b_out[m.c_no] + places; end if;
            end if;
        end if;
        if m.step in ('s', 't') or (m.step = 'k' and m.until is not null and a_lock[m.a_no] = me) then
            any_lock := true;
            a_lock[m.a_no] := case when m.until > now() then me end;
            a_until[m.a_no] := m.until;
        elsif a_lock[m.a_no] is not null and (m.step = 'c' or ((m.status <> 'o' or m.step in ('l', 'f')) and a_lock[m.a_no] = me)) then
            any_lock := true;
            a_lock[m.a_no] := null;
            a_until[m.a_no] := null;
        end if;
        if m.debit <> 0 or m.hold <> 0 then
            any_money := true;
            a_balance[p] := a_balance[p] + m.owes * m.debit;
            a_held[p] := a_held[p] + m.hold;
            if m.shared then
                b_balance[m.c_no] := b_balance[m.c_no] + m.debit;
                b_held[m.c_no] := b_held[m.c_no] + m.hold;
            end if;
        end if;
    end loop;

    -- 4. Write: once per table.
    if any_money or any_places then
        update accounts a set balance = w.balance, held = w.held, open_outgoing = w.o, open_incoming = w.i
        from unnest(account_ids, a_balance, a_held, a_out, a_in) w (i_account, balance, held, o, i)
        where a.i_account = w.i_account and (a.balance <> w.balance or a.held <> w.held or a.open_outgoing <> w.o or a.open_incoming <> w.i);
    end if;
    if any_lock then
        update accounts a set locked_by = w.locker, locked_until = w.until
        from unnest(account_ids, a_lock, a_until) w (i_account, locker, until)
        where a.i_account = w.i_account and (a.locked_by is distinct from w.locker or a.locked_until is distinct from w.until);
    end if;
    if (any_money or any_places) and cardinality(customer_ids) > 0 then
        update customers c set balance = w.balance, held = w.held, open_outgoing = w.o, open_incoming = w.i
        from unnest(customer_ids, b_balance, b_held, b_out, b_in) w (i_customer, balance, held, o, i)
        where c.i_customer = w.i_customer and (c.balance <> w.balance or c.held <> w.held or c.open_outgoing <> w.o or c.open_incoming <> w.i);
    end if;
    if k_to > 0 then
        update vd_counters t set used = k_used[w.place], held = k_held[w.place], carried = w.carried, period_start = w.period_start,
            period_end = w.period_end, exceeded = coalesce(k_used[w.place] >= w.spent, false), notified = coalesce(k_used[w.place] >= w.notify, false)
        from (select distinct on (u.place) u.* from unnest(ks) with ordinality u where v[u.member] = 'A' and k_ids[u.place] > 0
              order by u.place, u.ordinality desc) w
        where t.i_vd_counter = k_ids[w.place];
        update service_wallets t
        set balance = -k_used[w.place], held = k_held[w.place], exceeded = k_used[w.place] >= 0 and coalesce(k_used[w.place] >= w.spent, t.exceeded)
        from (select u.place, max(u.spent) as spent from unnest(ks) u where v[u.member] = 'A' and k_ids[u.place] < 0 group by u.place) w
        where t.i_service_wallet = -k_ids[w.place];
    end if;
    if any_next then
        update sessions s
        set version = u.relied + 1, last_key = u.key, answer = u.answer, held = u.held, expires = u.expires, updated = u.updated, state = u.state
        from unnest(ms) with ordinality u
        where v[u.ordinality] = 'A' and u.relied > 0 and u.status = 'o' and not u.once and s.session_key = u.session_key;
    end if;
    if any_new then
        insert into sessions
        select u.session_key, u.relied + 1, u.key, u.answer, u.i_env, u.i_node, u.i_account, u.i_customer, u.held, u.expires, u.status, u.started, u.updated,
               u.service, u.cli, u.cld, u.opened, u.state, u.incoming
        from unnest(ms) with ordinality u where v[u.ordinality] = 'A' and u.relied = 0 and u.status = 'o' and not u.once;
    end if;
    if any_closed then
        with gone as (
            delete from sessions s using unnest(ms) with ordinality u
            where v[u.ordinality] = 'A' and u.relied > 0 and u.status <> 'o' and not u.once and s.session_key = u.session_key
            returning s.session_key, u.relied, u.key, u.answer, s.i_env, s.i_node, s.i_account, s.i_customer, u.held, u.expires, u.status, s.started,
                u.updated, s.service, s.cli, s.cld, s.opened, u.state, s.incoming
        )
        insert into sessions_closed select session_key, relied + 1, key, answer, i_env, i_node, i_account, i_customer, held, expires, status, started,
            updated, service, cli, cld, opened, state, incoming, now() from gone;
    end if;
    if any_short then    -- it began and ended with one request
        insert into sessions_closed
        select u.session_key, 1, u.key, u.answer, u.i_env, u.i_node, u.i_account, u.i_customer, u.held, u.expires, u.status, u.started, u.updated,
               u.service, u.cli, u.cld, u.opened, u.state, u.incoming, now()
        from unnest(ms) with ordinality u where v[u.ordinality] = 'A' and u.relied = 0 and u.status <> 'o' and not u.once;
    end if;
    if any_late then    -- a report behind the end: the closed session is where it was, with its new state
        update sessions_closed s set version = u.relied + 1, last_key = u.key, answer = u.answer, status = u.status, updated = u.updated, state = u.state
        from unnest(ms) with ordinality u
        where v[u.ordinality] = 'A' and s_closed[u.ordinality] and u.status is not null and s.session_key = u.session_key;
    end if;
    if any_once then
        insert into request_keys (key, i_account, answer)
        select u.key, u.i_account, u.answer from unnest(ms) with ordinality u where v[u.ordinality] = 'A' and u.once;
    end if;
    if cardinality(xdrs) > 0 then
        insert into xdr (i_env, storage, failed, h323_conf_id, call_id, cli, cld, connect_time, disconnect_time, bill_time, disconnect_cause, used_quantity,
            account_id, i_account, i_dest, i_dest_group, i_tariff, i_rate, charged_quantity, charged_amount, history, peak_level, i_vendor, i_service,
            i_accessibility, i_customer, h323_incoming_conf_id, rating_pattern, subscriber_ip, split_order, billing_model, setup_time, voice_quality,
            i_invoice, revenue, overrun, i_node)
        select x.i_env, x.storage, x.failed, x.h323_conf_id, x.call_id, x.cli, x.cld, x.connect_time, x.disconnect_time, x.bill_time, x.disconnect_cause,
            x.used_quantity, x.account_id, x.i_account, x.i_dest, x.i_dest_group, x.i_tariff, x.i_rate, x.charged_quantity, x.charged_amount, x.history,
            x.peak_level, x.i_vendor, x.i_service, x.i_accessibility, x.i_customer, x.h323_incoming_conf_id, x.rating_pattern, x.subscriber_ip,
            x.split_order, x.billing_model, x.setup_time, x.voice_quality, x.i_invoice, x.revenue, x.overrun, x.i_node
        from unnest(xdrs::exchange_xdr[]) with ordinality x
        where v[xdr_members[x.ordinality]] = 'A' and xdr_members[x.ordinality] <> all (told);
    end if;
    if cardinality(parties) > 0 then
        insert into pending_charges select u.role, u.i_party, sum(u.amount)
        from unnest(parties::exchange_party[]) u where v[u.member] = 'A' group by u.role, u.i_party;
    end if;
    if any_aside then    -- a report that can't be true, with the session change that left it out
        insert into orphans (i_env, i_node, session_key, key, reason, request, received)
        select u.i_env, u.i_node, u.session_key, u.key, split_part(u.aside, ' ', 1), substr(u.aside, position(' ' in u.aside) + 1), u.updated
        from unnest(ms) with ordinality u where v[u.ordinality] = 'A' and u.aside is not null on conflict (key) do nothing;
    end if;

    -- 5. Answer. Who only wants to read gets the money when all else is as relied on (of a beneficiary all anew); a stale member gets the rows as they are now.
    if any_read then
        return query
        select u.ordinality::int, case when f.balance is not null and v[u.ordinality] = 'S' then 'A' else v[u.ordinality] end, f.balance, f.held,
               f.open_outgoing, f.open_incoming, f.locked_by, f.c_balance, f.c_held, f.c_outgoing, f.c_incoming, answers[u.ordinality],
               case when v[u.ordinality] = 'S' and f.balance is null then exchange_view(u.i_env, u.account_id, u.i_account, u.session_key) end
        from unnest(ms) with ordinality u
        left join lateral (
            select a.balance, a.held, a.open_outgoing, a.open_incoming, case when a.locked_until > now() then a.locked_by end as locked_by,
                   c.balance as c_balance, c.held as c_held, c.open_outgoing as c_outgoing, c.open_incoming as c_incoming
            from accounts a join customers c on c.i_customer = a.i_customer
            where u.a_revision > 0 and a.i_account = u.i_account and a.revision = u.a_revision and c.revision = u.c_revision
              and (u.session_key = '' or u.relied = coalesce(
                  (select h.version from sessions h where h.session_key = u.session_key),
                  (select max(h.version) from sessions_closed h where h.session_key = u.session_key), 0))) f on true
        where not u.writes;
    end if;
    if any_write then
        return query
        select u.ordinality::int, v[u.ordinality], a_balance[coalesce(payers[u.ordinality], u.a_no)], a_held[coalesce(payers[u.ordinality], u.a_no)],
               a_out[u.a_no], a_in[u.a_no], a_lock[u.a_no], b_balance[u.c_no], b_held[u.c_no], b_out[u.c_no], b_in[u.c_no], answers[u.ordinality],
               case when v[u.ordinality] = 'S' then exchange_view(u.i_env, u.account_id, u.i_account, u.session_key) end
        from unnest(ms) with ordinality u where u.writes;
    end if;
end $$;
