"""
What an operator's page of a handler says that the handler itself knows: its table of options, its events, an example of its configuration (DESIGN.md 5.8).

Pages are docs/handlers/NAME.rst; what stands between the marks is written here, and a rule test keeps it current.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from portaswitch.espf.options import COMMON
from portaswitch.handler import EventHandler, Option

BEGIN: Final = ".. generated: from the handler, by `python -m tests.rules.handler_pages`"
END: Final = ".. end of what is generated"
_TIERS: Final = {
    "documented": "by the vendor's documentation; not yet tried on the vendor's own system",
    "template": "by templates: the vendor's interface is not public, requests are fitted by configuration",
    "live-tested": "tried on the real system in CI",
}


def file_name(handler: EventHandler) -> str:
    """The page's name: Huawei::HSS is huawei-hss.rst."""
    return handler.name.lower().replace("::", "-") + ".rst"


def generated(handler: EventHandler) -> str:
    """The generated part of a handler's page, with its marks."""
    return "\n".join([BEGIN, "", *_facts(handler), *_options(handler), *_events(handler), *_example(handler), END])


def table(handlers: Sequence[EventHandler]) -> str:
    """The list of all handlers, with its marks."""
    head = ("Handler", "What it does", "Interface", "Tier")
    rows = [(f"`{one.name} <{file_name(one)}>`__", one.description, one.api or "private", one.tier) for one in sorted(handlers, key=lambda one: one.name)]
    return "\n".join([BEGIN, "", *_table(head, rows), "", END])


def _facts(handler: EventHandler) -> Iterator[str]:
    yield f"Interface: {handler.api or 'private'}. Tier: ``{handler.tier}`` ({_TIERS[handler.tier]})."
    if handler.needs:
        yield ""
        yield f"It is given these secrets of an account, which no other handler sees: {', '.join(sorted(handler.needs))}."
    yield ""


def _options(handler: EventHandler) -> Iterator[str]:
    yield from ("Options", "-------", "")
    rows = [(f"``{option.name}``", _help(option), _default(option)) for option in handler.options]
    yield from _table(("Option", "Meaning", "Default"), rows)
    yield ""
    yield f"And those of every handler: {', '.join(f'``{option.name}``' for option in COMMON)} (docs/handlers.rst)."
    yield ""


def _events(handler: EventHandler) -> Iterator[str]:
    yield from ("Events", "------", "")
    if handler.events:
        yield f"``evctl handler sub`` without events subscribes it to: {', '.join(handler.events)}."
    if handler.extra_events:
        yield ""
        yield f"It may be subscribed to these too: {', '.join(handler.extra_events)}."
    yield ""


def _example(handler: EventHandler) -> Iterator[str]:
    yield from ("Configuration", "-------------", "", "::", "", "    espf:", "      handlers:")
    yield f"        {file_name(handler).removesuffix('.rst')}:"
    yield f"          class: {handler.name}"
    yield "          environment: 1"
    for option in handler.options:
        if option.required or option.example is not None:
            yield f"          {option.name}: {_sample(option)}"
    yield ""


def _sample(option: Option) -> str:
    if option.secret:
        return "{file: /etc/portaswitch/" + option.name + "}"
    value = option.example if option.example is not None else option.default
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {item!r}" for key, item in value.items()) + "}"
    return str(value) if not isinstance(value, str) or value.replace("-", "").isalnum() or "://" in value else repr(value)


def _help(option: Option) -> str:
    return option.help + (" (a secret)" if option.secret else "")


def _default(option: Option) -> str:
    if option.required:
        return "must be given"
    value = option.default
    if isinstance(value, dict):
        value = "; ".join(f"{key}: {item}" for key, item in value.items()) or "none"
    if isinstance(value, bool):
        value = "true" if value else "false"
    return f"``{value}``" if value not in ("", "none", (), None) else "none"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """A list table of reStructuredText: cells may be long."""
    yield from (".. list-table::", "   :header-rows: 1", "")
    for row in (head, *rows):
        for place, cell in enumerate(row):
            yield f"   {'* -' if place == 0 else '  -'} {cell}"
