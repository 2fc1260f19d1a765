"""
`dataclass` for values: frozen to whoever reads and checks the code, plain at run time.

A frozen dataclass pays object.__setattr__ for every field of every instance, three times the cost of an ordinary one, and a charge makes some twenty values.
mypy refuses an assignment to a field all the same, so what is lost is a check at run time that no line of ours relies on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    import dataclasses

    def dataclass(*, frozen: bool, slots: bool = True, order: bool = False, repr: bool = True):
        """As dataclasses.dataclass, with `frozen` meaning hashable by value and left alone by convention."""
        return dataclasses.dataclass(slots=slots, order=order, unsafe_hash=frozen, repr=repr)
