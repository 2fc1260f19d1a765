-- What the database knows of every session of the generator whose conf-ids begin with :'run':
-- conf-id, pieces charged, amount in all, live (1) or not, holds something (1) or not, seconds used as far as a live one knows.
with charged as (
    select h323_conf_id, count(*) pieces, sum(charged_amount) amount
    from xdr where storage = 'a' and not failed and h323_conf_id like :'run' || '%' group by 1
), live as (
    select split_part(s.session_key, '/', 2) h323_conf_id, s.held, max(h.used) used
    from sessions s left join holds h using (session_key)
    where split_part(s.session_key, '/', 2) like :'run' || '%' group by 1, 2
)
select h323_conf_id, coalesce(pieces, 0), coalesce(amount, 0), (l.h323_conf_id is not null)::int,
       coalesce((held > 0)::int, 0), coalesce(used, 0)
from charged full join live l using (h323_conf_id);
