"""What is done with products and tariffs."""

from __future__ import annotations

from typing import Final

from portaswitch.operations.entities_catalogue import PRODUCT, TARIFF
from portaswitch.operations.records import record_operations

OPERATIONS: Final = (*record_operations(PRODUCT), *record_operations(TARIFF))
