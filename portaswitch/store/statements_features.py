"""
Statements about service features: which there are, what owners say of them, and what is changed. Rows of values are changed in place, never replaced, so that
a trigger sees what they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OWNERS: Final[Mapping[str, tuple[str, str]]] = {
    "account": ("accounts", "i_account"), "customer": ("customers", "i_customer"), "product": ("products", "i_product"),
    "site": ("customer_sites", "i_customer_site"),
}  # fmt: skip
"""Table and identity of each kind of owner."""

#: Features, each with its attributes as [[i_attribute, name, multiple], ...].
KNOWN: Final = """
select f.i_service_feature, f.name, f.position, coalesce(t.name, ''),
       coalesce((select json_agg(json_build_array(a.i_attribute, a.name, a.multiple) order by a.i_attribute)
                 from service_attributes a where a.i_service_feature = f.i_service_feature), '[]')
from service_features f left join service_types t using (i_service_type) order by f.position
"""

#: Who is asked about the features of an account, in this order: itself, its add-ons in force, its product, its site, its customer. Of an alias nobody.
ACCOUNT: Final = """
with a as (select * from accounts where i_env = %(i_env)s and i_account = %(number)s and i_master_account is null)
select 'account', a.i_account, a.id, a.service_flags, 0 as rank, 0 as priority from a
union all
select 'product', p.i_product, p.name, p.service_flags, 1, -p.addon_priority
from a join account_addons d using (i_account) join products p on p.i_product = d.i_product
where d.addon_effective_from <= now() and (d.addon_effective_to is null or d.addon_effective_to > now())
union all
select 'product', p.i_product, p.name, p.service_flags, 2, 0 from a join products p on p.i_product = a.i_product
union all
select 'site', s.i_customer_site, s.name, s.service_flags, 3, 0 from a join customer_sites s using (i_customer_site)
union all
select 'customer', c.i_customer, c.name, c.service_flags, 4, 0 from a join customers c using (i_customer)
order by rank, priority, 2
"""
CUSTOMER: Final = "select 'customer', i_customer, name, service_flags from customers where i_env = %(i_env)s and i_customer = %(number)s"
SITE: Final = """
select 'site', i_customer_site, name, service_flags, 0 as rank from customer_sites where i_env = %(i_env)s and i_customer_site = %(number)s
union all
select 'customer', c.i_customer, c.name, c.service_flags, 1 from customer_sites s join customers c using (i_customer)
where s.i_env = %(i_env)s and s.i_customer_site = %(number)s
order by rank
"""
PRODUCT: Final = "select 'product', i_product, name, service_flags from products where i_env = %(i_env)s and i_product = %(number)s"

_OF_THESE: Final = (
    "i_env = %(i_env)s and (i_account = any (%(account)s::bigint[]) or i_customer = any (%(customer)s::bigint[]) "
    "or i_customer_site = any (%(site)s::bigint[]) or i_product = any (%(product)s::bigint[]))"
)
_KIND: Final = (
    "case when i_account is not null then 'account' when i_customer is not null then 'customer' when i_product is not null then 'product' else 'site' end"
)
#: Of a secret only that there is one.
VALUES: Final = (
    f"select {_KIND}, i_foreign, i_attribute, case when sealed is null then value else array['(hidden)'] end from service_attribute_values where {_OF_THESE}"
)
LOCKS: Final = f"select {_KIND}, i_foreign, i_service_feature from service_feature_locks where {_OF_THESE}"

#: A pool that has an address, which it would give to anybody.
POOL: Final = """
select p.name from ip_pools p, jsonb_array_elements(p.ranges) r
where p.i_env = %(i_env)s and %(address)s::inet between (r ->> 'first')::inet and (r ->> 'last')::inet
"""


def _owned(kind: str, table: str, identity: str) -> dict[str, str]:
    """The statements that change what one kind of owner says."""
    own = f"i_env = %(i_env)s and {identity} = %(number)s"
    value = f"{own} and i_attribute = %(attribute)s"
    lock = f"{own} and i_service_feature = %(feature)s"
    return {
        f"{kind}.feature_flags": f"update {table} set service_flags = %(flags)s where {own} returning 1",
        f"{kind}.feature_value": f"update service_attribute_values set value = %(value)s::text[], sealed = %(sealed)s where {value} returning 1",
        f"{kind}.feature_first": f"insert into service_attribute_values (i_env, i_attribute, {identity}, value, sealed) "
        "values (%(i_env)s, %(attribute)s, %(number)s, %(value)s::text[], %(sealed)s) returning 1",
        f"{kind}.feature_sealed": f"select sealed from service_attribute_values where {value}",
        f"{kind}.feature_lock": f"insert into service_feature_locks (i_env, i_service_feature, {identity}) "
        "values (%(i_env)s, %(feature)s, %(number)s) on conflict do nothing returning 1",
        f"{kind}.feature_unlock": f"delete from service_feature_locks where {lock} returning 1",
    }


STATEMENTS: Final[Mapping[str, str]] = {
    "feature.known": KNOWN,
    "feature.values": VALUES,
    "feature.locks": LOCKS,
    "feature.pool": POOL,
    "account.feature_owners": ACCOUNT,
    "customer.feature_owners": CUSTOMER,
    "product.feature_owners": PRODUCT,
    "site.feature_owners": SITE,
    **{name: sql for kind, (table, identity) in OWNERS.items() for name, sql in _owned(kind, table, identity).items()},
}
