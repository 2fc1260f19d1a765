-- The same accounts as ours: user1..userN with passwords pw1..pwN, and one reply attribute each.
insert into radcheck (username, attribute, op, value)
    select 'user' || n, 'Cleartext-Password', ':=', 'pw' || n from generate_series(1, :accounts) n;
insert into radreply (username, attribute, op, value)
    select 'user' || n, 'Session-Timeout', ':=', '3600' from generate_series(1, :accounts) n;
analyze radcheck;
analyze radreply;
