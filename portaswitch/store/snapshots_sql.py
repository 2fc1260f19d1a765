"""Statements that read what `Subscriber` shows of a page of accounts, each for all of them at once."""

from __future__ import annotations

from typing import Final

_PARTY: Final = (
    "json_build_object('company', {0}.companyname, 'first_name', {0}.firstname, 'last_name', {0}.lastname, "
    "'address', array_remove(array[{0}.baddr1, {0}.baddr2, {0}.baddr3, {0}.baddr4, {0}.baddr5], null), 'city', {0}.city, 'state', {0}.state, "
    "'zip', {0}.zip, 'country', {0}.country, 'phone', {0}.phone1, 'email', {0}.email)"
)

#: The account with its customer, product and person. Funds are gross and in one sense: what may be spent (DESIGN.md 3.6); null: no limit. A beneficiary's
#: are its payer's (w), whose block and suspension (y) are its own too.
ACCOUNTS: Final = f"""
select a.i_account, a.i_env, a.id, a.i_customer, c.name, a.blocked or c.blocked or coalesce(y.blocked, false), a.bill_status,
       case when c.bill_status = 'O' and y.bill_status = 'S' then 'S' else c.bill_status end, w.billing_model, w.balance, w.credit_limit,
       c.balance, case when c.temp_credit_until > now() then c.temp_credit_limit else c.credit_limit end,
       coalesce(p.name, ''), coalesce(a.i_product, 0), a.i_access_policy, p.i_access_policy, coalesce(v.name, pv.name, ''),
       a.activation_date::date, a.expiration_date::date, coalesce(a.language, c.language), coalesce(ad.timezone, c.timezone), a.currency,
       {_PARTY.format("s")}, {_PARTY.format("cd")}, case when %(password)s then a.h323_password end
from accounts a join customers c on c.i_customer = a.i_customer
    left join accounts y on y.i_account = a.i_payer join accounts w on w.i_account = coalesce(a.i_payer, a.i_account)
    left join account_details ad on ad.i_account = a.i_account left join customer_details cd on cd.i_customer = a.i_customer
    left join subscribers s on s.i_subscriber = a.i_subscriber left join products p on p.i_product = a.i_product
    left join vd_plans v on v.i_vd_plan = w.i_vd_plan left join vd_plans pv on pv.i_vd_plan = p.i_vd_plan
where a.i_account = any (%(accounts)s) and a.i_master_account is null
"""
#: Customers of which a reseller above is blocked.
BARRED_ABOVE: Final = """
with recursive above (i_customer, i_parent, depth) as (
    select c.i_customer, c.i_parent, 0 from customers c where c.i_customer = any (%(customers)s)
    union all select b.i_customer, c.i_parent, b.depth + 1 from above b join customers c on c.i_customer = b.i_parent where b.depth < 17)
select distinct b.i_customer from above b join customers c on c.i_customer = b.i_parent where c.blocked
"""
EXCEEDED: Final = """
select a.i_account from accounts a join vd_counters v on v.i_account = coalesce(a.i_payer, a.i_account)
    where a.i_account = any (%(accounts)s) and v.exceeded
union select a.i_account from accounts a join vd_counters v on v.i_customer = a.i_customer and v.i_account is null
    where a.i_account = any (%(accounts)s) and v.exceeded
union select a.i_account from accounts a join service_wallets v on v.i_account = coalesce(a.i_payer, a.i_account)
    where a.i_account = any (%(accounts)s) and v.exceeded
"""
#: Add-ons in force, by priority.
ADDONS: Final = """
select d.i_account, p.i_product, p.name, p.i_access_policy from account_addons d join products p on p.i_product = d.i_product
where d.i_account = any (%(accounts)s) and d.addon_effective_from <= now() and (d.addon_effective_to is null or d.addon_effective_to > now())
order by d.i_account, p.addon_priority desc, p.i_product
"""
SERVICES: Final = """
select distinct x.i_product, t.name from accessibility x join services s on s.i_service = x.i_service
    join service_types t on t.i_service_type = s.i_service_type
where x.i_product = any (%(products)s)
"""
#: Products whose messaging policy, that of a rating entry or of the feature, has push_events. The account's own policy is not asked.
PUSHING: Final = """
select x.i_product from accessibility x join services s using (i_service) join service_policies p using (i_service_policy)
where x.i_product = any (%(products)s) and s.i_service_type = 8 and p.push_events
union
select v.i_product from service_attribute_values v join service_attributes a using (i_attribute) join products t on t.i_product = v.i_product
    join service_features f using (i_service_feature)
    join service_policies p on p.i_env = v.i_env and v.value[1] in (p.name, p.i_service_policy::text)
where v.i_product = any (%(products)s) and f.name = 'msg_service_policy' and p.push_events and substr(t.service_flags, f.position, 1) = 'Y'
"""
#: Who is asked about the features of each account, in the order of `statements_features.ACCOUNT`.
OWNERS: Final = """
with a as (select * from accounts where i_account = any (%(accounts)s) and i_master_account is null)
select a.i_account, 'account', a.i_account as number, a.service_flags, 0 as rank, 0 as priority from a
union all
select a.i_account, 'product', p.i_product, p.service_flags, 1, -p.addon_priority
from a join account_addons d on d.i_account = a.i_account join products p on p.i_product = d.i_product
where d.addon_effective_from <= now() and (d.addon_effective_to is null or d.addon_effective_to > now())
union all
select a.i_account, 'product', p.i_product, p.service_flags, 2, 0 from a join products p on p.i_product = a.i_product
union all
select a.i_account, 'site', s.i_customer_site, s.service_flags, 3, 0 from a join customer_sites s on s.i_customer_site = a.i_customer_site
union all
select a.i_account, 'customer', c.i_customer, c.service_flags, 4, 0 from a join customers c on c.i_customer = a.i_customer
order by 1, rank, priority, number
"""
VALUES: Final = """
select case when i_account is not null then 'account' when i_customer is not null then 'customer' when i_product is not null then 'product' else 'site' end,
       i_foreign, i_attribute, value
from service_attribute_values
where i_account = any (%(account)s::bigint[]) or i_customer = any (%(customer)s::bigint[]) or i_customer_site = any (%(site)s::bigint[])
    or i_product = any (%(product)s::bigint[])
"""
#: Policies with the speeds (bit/s) of their default level, and their attributes for all levels and for that one, the latter last.
POLICIES: Final = """
select p.i_access_policy, p.name, p.pdn_context_id, p.captive_portal, l.download_rate, l.upload_rate,
       array(select json_build_array(t.group_name || '.' || t.name, t.value) from access_policy_attributes t
             where t.i_access_policy = p.i_access_policy and (t.level is null or t.level = p.default_level)
             order by t.level is not null, t.sort_order, t.i_access_policy_attribute)
from access_policies p left join access_policy_levels l on l.i_access_policy = p.i_access_policy and l.level = p.default_level
where p.i_access_policy = any (%(policies)s)
"""
FOLLOW_ME: Final = """
select i_account, redirect_number from follow_me_numbers where i_account = any (%(accounts)s) and active order by i_account, sort_order, i_follow_me_number
"""
SIMS: Final = """
select s.i_account, s.i_sim_card, s.imsi, s.iccid, s.msisdn, s.hlr, s.kind, s.amf, s.ki, s.opc, s.pin, s.puk
from sim_cards s where s.i_account = any (%(accounts)s)
"""
DEVICES: Final = """
select l.i_account, u.i_ua, u.name, l.port, u.model, u.inventory_id, u.mac::text, u.ports, p.name, coalesce(p.settings, '{}') || u.settings, l.config
from ua_links l join ua u on u.i_ua = l.i_ua left join ua_profiles p on p.i_ua_profile = u.i_ua_profile
where l.i_account = any (%(accounts)s) order by l.i_account, u.i_ua, l.port
"""
ALIASES: Final = "select i_master_account, id from accounts where i_master_account = any (%(accounts)s) order by i_master_account, id"
DIDS: Final = """
select coalesce(a.i_master_account, a.i_account), d.number from dids d join accounts a on a.i_account = d.i_account
where a.i_account = any (%(accounts)s) or a.i_master_account = any (%(accounts)s) order by 1, 2
"""
#: Custom fields of the resellers above each customer, those of the nearest that has a value.
OF_RESELLERS: Final = """
with recursive above (i_customer, i_parent, depth) as (
    select c.i_customer, c.i_parent, 0 from customers c where c.i_customer = any (%(customers)s) and c.i_parent is not null
    union all select b.i_customer, c.i_parent, b.depth + 1 from above b join customers c on c.i_customer = b.i_parent
    where b.depth < 17 and c.i_parent is not null)
select distinct on (b.i_customer, f.name) 'reseller', b.i_customer, f.name, v.db_value
from above b join custom_field_values v on v.i_customer = b.i_parent join custom_fields f on f.i_custom_field = v.i_custom_field
where v.db_value is not null order by b.i_customer, f.name, b.depth
"""
CUSTOM: Final = """
select case when v.i_account is not null then 'account' when v.i_customer is not null then 'customer' else 'sim_card' end,
       coalesce(v.i_account, v.i_customer, v.i_sim_card), f.name, v.db_value
from custom_field_values v join custom_fields f on f.i_custom_field = v.i_custom_field
where (v.i_account = any (%(accounts)s) or v.i_customer = any (%(customers)s) or v.i_sim_card = any (%(sims)s::bigint[])) and v.db_value is not null
"""
