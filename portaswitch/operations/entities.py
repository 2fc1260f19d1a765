"""All entities by name: one module an area, each adds its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portaswitch.model.operation import Entity
from portaswitch.operations import (
    entities_catalogue,
    entities_discounts,
    entities_money,
    entities_network,
    entities_parties,
    entities_people,
    entities_stock,
    entities_users,
)

AREAS: Final = (
    entities_parties, entities_people, entities_money, entities_catalogue, entities_discounts, entities_network, entities_stock, entities_users,
)  # fmt: skip

ENTITIES: Final[Mapping[str, Entity]] = {entity.name: entity for area in AREAS for entity in area.ENTITIES}
