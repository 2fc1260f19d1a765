-- What one run of the generator left: its conf-ids begin with :'run'. :price is what one call costs.
with calls as (
    select h323_conf_id, count(*) pieces, sum(charged_amount) amount
    from xdr where storage = 'a' and not failed and h323_conf_id like :'run' || '%' group by 1
), live as (
    select held from sessions where split_part(session_key, '/', 2) like :'run' || '%'
)
select count(*), coalesce(sum(amount), 0), count(*) filter (where amount <> :price),
       (select count(*) from xdr where storage = 'v' and not failed and h323_conf_id like :'run' || '%'),
       (select count(*) from live), (select count(*) from live where held > 0)
from calls;
