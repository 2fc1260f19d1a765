"""
Vouchers of a catalogue file: what the database has of them, and their rows. A number is kept as its keyed hash, as `voucher generate` keeps it
(`store.secrets.Sealer.fingerprints`); what a voucher is worth is said when it is new and never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from portaswitch.model.loading import CatalogueFile, Entry, Known, Section, voucher_name, vouchers_of
from portaswitch.store.arrays import Element, array
from portaswitch.store.loading_merge import Row, Shape
from portaswitch.store.loading_parties import PartyBuilder
from portaswitch.store.secrets import Sealer
from portaswitch.store.transaction import Cursor

BATCHES: Final = Shape("batches", "i_batch", ("i_env", "name"))
VOUCHERS: Final = Shape("vouchers", "i_voucher", ("i_batch", "control_number"))

KNOWN_BATCHES: Final = """
select b.name, b.i_batch, coalesce(c.name, '') from batches b left join customers c on c.i_customer = b.i_managed_by
where b.i_env = %(i_env)s and b.name = any (%(batches)s::text[])
"""
KNOWN_VOUCHERS: Final = """
select b.name, v.control_number, v.i_voucher, trim_scale(v.amount)::text, v.currency from vouchers v join batches b using (i_batch)
where b.i_env = %(i_env)s and b.name = any (%(batches)s::text[]) and v.control_number is not null
"""
HOLDERS: Final = """
select v.id, coalesce(b.name, ''), coalesce(v.control_number, 0) from vouchers v left join batches b using (i_batch)
where v.i_env = %(i_env)s and v.id = any (%(prints)s::bytea[])
"""
CHANGING: Final = ("expiration_date", "days_added")
"""What may be changed of a voucher that exists."""


async def voucher_stock(cursor: Cursor, file: CatalogueFile, sealer: Sealer) -> Mapping[Section, Mapping[str, Known]]:
    """
    The batches of the file with their vouchers; and under VOUCHER_NUMBERS of each voucher whose number the file names the hash that would be kept (`print`),
    and the voucher that has the number already (`holder`, '' none).
    """
    batches = [batch.name for batch in file.of(Section.VOUCHER_BATCHES)]
    if not batches:
        return {}
    wanted = {"i_env": file.i_env, "batches": array(batches)}
    return {
        Section.VOUCHER_BATCHES: {row[0]: Known(row[1], {"managed_by": row[2]}) for row in await cursor.query(KNOWN_BATCHES, wanted)},
        Section.VOUCHERS: {
            voucher_name(row[0], str(row[1])): Known(row[2], {"amount": row[3], "currency": row[4]}) for row in await cursor.query(KNOWN_VOUCHERS, wanted)
        },
        Section.VOUCHER_NUMBERS: await _numbers(cursor, file, sealer),
    }


async def _numbers(cursor: Cursor, file: CatalogueFile, sealer: Sealer) -> dict[str, Known]:
    prints = {name: sealer.fingerprints(number) for name, _, voucher in vouchers_of(file) if (number := voucher.text("number")) is not None}
    asked = {"i_env": file.i_env, "prints": array(one for found in prints.values() for one in found)}
    holders = {bytes(row[0]): voucher_name(row[1], str(row[2])) for row in await cursor.query(HOLDERS, asked)}
    return {
        name: Known(0, {"print": found[0].hex(), "holder": next((holders[one] for one in found if one in holders), "")}) for name, found in prints.items()
    }


def batches(builder: PartyBuilder) -> list[Row]:
    """The batches; who manages one is said when it is new."""
    rows = []
    for entry in builder.file.of(Section.VOUCHER_BATCHES):
        manager = builder.ids.of(Section.CUSTOMERS, entry.text("managed_by"))
        initial = {**builder.identity(Section.VOUCHER_BATCHES, entry.name), "i_managed_by": manager}
        rows.append(Row(entry.name, (builder.file.i_env, entry.name), {}, initial))
    return rows


def vouchers(builder: PartyBuilder) -> Iterator[Row]:
    """The vouchers; what one does not say its batch says."""
    prints = builder.stock.get(Section.VOUCHER_NUMBERS, {})
    for name, batch, voucher in vouchers_of(builder.file):
        values = {**dict(builder.values_of(batch, "managed_by", "vouchers")), **dict(builder.values_of(voucher, "number"))}
        named: dict[str, Element] = {key: values[key] for key in CHANGING if key in values}
        initial: dict[str, Element] = {
            "i_env": builder.file.i_env, "status": "active", "currency": builder.currency, "i_managed_by": _manager(builder, batch),
            **{key: value for key, value in values.items() if key not in CHANGING},
        }  # fmt: skip
        if name in prints:
            initial["id"] = bytes.fromhex(prints[name].facts["print"])
        yield Row(name, (builder.ids.of(Section.VOUCHER_BATCHES, batch.name), int(voucher.name)), named, initial)


def _manager(builder: PartyBuilder, batch: Entry) -> int | None:
    known = builder.stock.get(Section.VOUCHER_BATCHES, {}).get(batch.name)
    return builder.ids.of(Section.CUSTOMERS, (known.facts["managed_by"] or None) if known is not None else batch.text("managed_by"))
