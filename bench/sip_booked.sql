-- What one run of sipgen left: messages that were charged and for how much, kept, delivered, and neither charged nor given back.
select
    (select count(*) || '|' || coalesce(sum(charged_amount), 0) from xdr where storage = 'a' and not failed and call_id like :'run' || '-%'),
    count(*), count(*) filter (where state = 'delivered'), count(*) filter (where charge not in ('settled', 'free'))
from messages where call_id like :'run' || '-%';
