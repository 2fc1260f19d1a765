"""The columns of a price list for other levels of the day, and what is wrong with them and with formulas (docs/rates.rst)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from portaswitch.model.price_level import FIGURES, LEVELS, is_negative
from portaswitch.operations.price_values import NULL

SLOTS: Final = tuple(f"{level}_{figure}" for level in LEVELS for figure in FIGURES)
"""A row's cells of other levels."""
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {name: (name,) for level in LEVELS for name in (*(f"{level}_{figure}" for figure in FIGURES), f"{level}_price")}
"""The columns by themselves; `..._price` is both prices of a level."""


def levels_of(cells: Sequence[str]) -> dict[str, dict[str, str]]:
    """The levels of a row by name, from its cells in the order of `SLOTS`."""
    found = {}
    for place, level in enumerate(LEVELS):
        figures = zip(FIGURES, cells[place * len(FIGURES) :], strict=False)
        given = {figure: cell for figure, cell in figures if cell}
        if given:
            found[level] = given
    return found


def copied(levels: Mapping[str, Mapping[str, str]]) -> str:
    """The levels as COPY reads them: their figures are digits, points and signs, so that nothing has to be escaped."""
    return json.dumps(levels) if levels else NULL


def level_faults(levels: Mapping[str, Mapping[str, str]], pays_back: bool, has_formula: bool) -> dict[str, str]:
    """What is wrong with the levels of a row, by column."""
    found = {}
    for level, figures in levels.items():
        if has_formula:
            found[f"{level}_price_first"] = "stands beside a formula, which is the same at all times: keep one of the two"
        elif "price_first" not in figures or "price_n" not in figures:
            found[f"{level}_price_n" if "price_first" in figures else f"{level}_price_first"] = "there is no price of that level: write both, or none of it"
        elif is_negative(figures) and not pays_back:
            found[f"{level}_price_first"] = "is negative: a rate that pays back has 1 in the column payback"
    return found
