"""
What operations ask about custom fields: their definitions, which every actor of the environment may use, and the value of one owner, whom the actor was seen to
reach before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_OF_OWNER: Final = (
    "v.i_env = %(i_env)s and v.i_custom_field = %(field)s and (v.i_account = %(account)s or v.i_customer = %(customer)s or v.i_sim_card = %(sim)s)"
)

STATEMENTS: Final[Mapping[str, str]] = {
    "custom_field.find": "select i_custom_field, type, choices, mandatory, personal from custom_fields "
    "where i_env = %(i_env)s and applies_to = %(applies_to)s and name = %(name)s",
    "custom_field.value": f"select v.db_value from custom_field_values v where {_OF_OWNER} for update",
    "custom_field.change": f"update custom_field_values v set db_value = %(value)s where {_OF_OWNER}",
    "custom_field.remove": f"delete from custom_field_values v where {_OF_OWNER}",
    "custom_field.add": "insert into custom_field_values (i_env, i_custom_field, i_account, i_customer, i_sim_card, db_value) "
    "values (%(i_env)s, %(field)s, %(account)s, %(customer)s, %(sim)s, %(value)s)",
}
"""By name 'entity.question'. Of account, customer and sim one is a number, the others are null."""
